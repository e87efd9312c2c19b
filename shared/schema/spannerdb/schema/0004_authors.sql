-- ReviewsByAuthor finds published reviews by the author's name.
CREATE INDEX ReviewsByAuthor ON Reviews (Author, Status);
