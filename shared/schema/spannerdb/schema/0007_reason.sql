-- The reason for not publishing a review, as a code and an operator's text of its own. Before this change HeldFor held either,
-- so an operator's words could read as a code. NULL in a published review, and in rows from before these columns.
--
-- During a deployment old and new releases read and write the same rows. Therefore:
-- HeldFor stays the reason as an English text, and HoldFor the content flag as one: the function sentiment still writes
-- both, in the words that it always wrote, for releases that read nothing else.
-- A release of sentiment that does not know the new columns leaves them as they were. So they count only while their
-- text equals HeldFor. Otherwise, and where they are NULL, the code follows from HeldFor, HoldFor, Verdicts, Reasons
-- and DecidedAt: package reason, type Columns, does this for every reader.
-- HoldFor needs no column beside it: operators never write it, so its words are as good as a code.
ALTER TABLE Reviews ADD COLUMN ReasonCode STRING(32);      -- a Code of package reason
ALTER TABLE Reviews ADD COLUMN OperatorReason STRING(200); -- the words of the operator's decision, with the code operator
