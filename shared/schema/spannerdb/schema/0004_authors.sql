-- Whether an author's name is on a published review already.
CREATE INDEX ReviewsByAuthor ON Reviews (Author, Status);
