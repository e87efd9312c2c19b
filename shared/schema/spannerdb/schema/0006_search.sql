-- The search index. The Spanner edition STANDARD and the embedded engine do not support it: without this file, set
-- PRODUCT_SEARCH=scan for the function api. The index finds parts of words. It does not split Korean, Japanese and Chinese
-- into words, because a half-typed query would be split wrongly.
ALTER TABLE Products ADD COLUMN WordTokens TOKENLIST AS (TOKENIZE_SUBSTRING(Words)) HIDDEN;
CREATE SEARCH INDEX ProductsByWords ON Products (WordTokens);
