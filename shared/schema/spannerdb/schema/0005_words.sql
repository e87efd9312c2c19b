-- What search looks in: title and keywords as spannerdb.Words writes them. NULL: the product is not found by search.
ALTER TABLE Products ADD COLUMN Words STRING(2000);
