-- The index of search. A Spanner of the edition STANDARD has none, nor has the embedded engine: without this
-- file the function api is told PRODUCT_SEARCH=scan. Parts of words are found, and Korean, Japanese and Chinese
-- are not cut into words, since what is half typed is cut wrongly.
ALTER TABLE Products ADD COLUMN WordTokens TOKENLIST AS (TOKENIZE_SUBSTRING(Words)) HIDDEN;
CREATE SEARCH INDEX ProductsByWords ON Products (WordTokens);
