-- Text for search: title and keywords in the form of spannerdb.Words. NULL: search does not find the product.
ALTER TABLE Products ADD COLUMN Words STRING(2000);
