-- The revision that the merchant saw when writing the reply. NULL: unknown, and the times of the reply and of the edit say which
-- was first.
ALTER TABLE Reviews ADD COLUMN RepliedOn INT64;
