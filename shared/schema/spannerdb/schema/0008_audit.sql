-- The actions of operators: one row for each decision, reply, erasure, and replayed or discarded dead letter. Rows are only
-- added; an erasure empties the reasons of its review, which may quote the author.
CREATE TABLE Audit (
  Product  STRING(64)  NOT NULL, -- '' for a dead letter
  Review   STRING(36)  NOT NULL, -- '' for a dead letter
  Entry    STRING(36)  NOT NULL, -- a UUID that follows from the action, so that a redelivery adds no second row
  ActedAt  TIMESTAMP   NOT NULL, -- time of the action
  Operator STRING(255) NOT NULL, -- subject of the operator's token; '': unknown, from a release that did not send it
  Action   STRING(16)  NOT NULL, -- publish, hold, reject, reply, unreply, erase, replay or discard
  Letter   STRING(100) NOT NULL, -- ID of the dead letter; '' for a review
  StateBefore STRING(16)  NOT NULL, -- state before the action, such as held
  StateAfter  STRING(16)  NOT NULL, -- state after it
  Reason   STRING(200) NOT NULL, -- the operator's words, or the reason of the dead letter
  StoredAt TIMESTAMP   NOT NULL OPTIONS (allow_commit_timestamp = true),
) PRIMARY KEY (Product, Review, Entry), ROW DELETION POLICY (OLDER_THAN(StoredAt, INTERVAL 1825 DAY));
CREATE INDEX AuditByTime ON Audit (ActedAt DESC);

-- Readers' reports of a review, at most one for each client and revision; NULL: none. A release that does not know them
-- leaves them as they are, and publishes a review that they hold when it changes the review.
ALTER TABLE Reviews ADD COLUMN Reporters ARRAY<STRING(43)>;   -- pseudonyms of the clients
ALTER TABLE Reviews ADD COLUMN ReportedOn ARRAY<INT64>;       -- the revision that each client saw
ALTER TABLE Reviews ADD COLUMN ReportedAt ARRAY<TIMESTAMP>;   -- the time of each report

-- ReviewsByStatus counts and lists the held and the rejected reviews. ReviewsById finds a review without its product.
CREATE NULL_FILTERED INDEX ReviewsByStatus ON Reviews (Status, HeldAt DESC);
CREATE INDEX ReviewsById ON Reviews (Review);
