-- The photos of a review: names of objects in the originals bucket. NULL: none.
ALTER TABLE Reviews ADD COLUMN Photos ARRAY<STRING(128)>;
