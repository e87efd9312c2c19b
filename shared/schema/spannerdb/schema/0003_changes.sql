-- What happens to a review after it was submitted. A row keeps the newest content and the newest reply, and
-- of all contents and of an operator's decisions when they were made: its status is what these give one after
-- the other, so that it does not matter in which order they came. Every new column may be NULL, as it is in
-- the rows that were there.
ALTER TABLE Reviews ADD COLUMN Revision INT64;     -- of the content: when it was written, in microseconds since 1970; NULL: SubmittedAt
ALTER TABLE Reviews ADD COLUMN EditedAt TIMESTAMP; -- NULL: never
ALTER TABLE Reviews ADD COLUMN Revisions ARRAY<INT64>; -- all that there were; NULL: this one
ALTER TABLE Reviews ADD COLUMN HoldFor STRING(64); -- why catalogue or moderation hold this content; NULL: they do not
ALTER TABLE Reviews ADD COLUMN Verdicts ARRAY<STRING(16)>;  -- an operator's decisions: publish, hold or reject; NULL: none
ALTER TABLE Reviews ADD COLUMN Reasons ARRAY<STRING(200)>;  -- of each
ALTER TABLE Reviews ADD COLUMN DecidedOn ARRAY<INT64>;      -- the revision that each was made on
ALTER TABLE Reviews ADD COLUMN DecidedAt ARRAY<TIMESTAMP>;  -- when each was made
ALTER TABLE Reviews ADD COLUMN HeldAt TIMESTAMP OPTIONS (allow_commit_timestamp = true); -- since when it is not shown; NULL: it is, or since before this column
ALTER TABLE Reviews ADD COLUMN Helpful INT64;        -- how many visitors find it so, a row of Votes each; NULL: nobody
ALTER TABLE Reviews ADD COLUMN Reply STRING(2000);   -- the merchant's; NULL: none
ALTER TABLE Reviews ADD COLUMN RepliedAt TIMESTAMP;  -- when it was written, or taken away
ALTER TABLE Reviews ADD COLUMN Aspects ARRAY<STRING(16)>; -- what the text speaks of; NULL: nothing that we know
ALTER TABLE Reviews ADD COLUMN AspectScores ARRAY<FLOAT64>; -- how, as Score is, in the same order
ALTER TABLE Reviews ADD COLUMN Dropped ARRAY<STRING(128)>; -- photos that an edit took away, until they are deleted; NULL: none

-- Why it is held or rejected, which is now what an operator may write too.
ALTER TABLE Reviews ALTER COLUMN HeldFor STRING(200);
ALTER TABLE Reviews DROP CONSTRAINT StatusIsKnown;
ALTER TABLE Reviews ADD CONSTRAINT StatusIsOneOfThree CHECK (Status IN ('published', 'held', 'rejected'));

-- The other orders of a product's page, and what an operator looks at: few rows.
CREATE INDEX ReviewsByAge ON Reviews (Product, Status, SubmittedAt, Review);
CREATE INDEX ReviewsByRatingDown ON Reviews (Product, Status, Rating DESC, SubmittedAt DESC, Review);
CREATE INDEX ReviewsByRatingUp ON Reviews (Product, Status, Rating, SubmittedAt DESC, Review);
CREATE INDEX ReviewsByScoreDown ON Reviews (Product, Status, Score DESC, SubmittedAt DESC, Review);
CREATE INDEX ReviewsByScoreUp ON Reviews (Product, Status, Score, SubmittedAt DESC, Review);
CREATE INDEX ReviewsByHelpful ON Reviews (Product, Status, Helpful DESC, SubmittedAt DESC, Review);
CREATE NULL_FILTERED INDEX ReviewsHeld ON Reviews (HeldAt DESC);

-- Reviews that were erased. A message about one that comes late, or again, finds it here. It is kept for
-- longer than Pub/Sub keeps a message.
CREATE TABLE Erased (
  Product  STRING(64) NOT NULL,
  Review   STRING(36) NOT NULL,
  Photos   ARRAY<STRING(128)>, -- that were its own, to be deleted: a redelivery finishes what was begun
  ErasedAt TIMESTAMP  NOT NULL OPTIONS (allow_commit_timestamp = true),
) PRIMARY KEY (Product, Review), ROW DELETION POLICY (OLDER_THAN(ErasedAt, INTERVAL 30 DAY));

-- Who finds a review helpful.
CREATE TABLE Votes (
  Product STRING(64) NOT NULL,
  Review  STRING(36) NOT NULL,
  Visitor STRING(43) NOT NULL, -- an HMAC, another one for every review
) PRIMARY KEY (Product, Review, Visitor);

-- Whose a photo is: of the review that named it first. No other has it, so that to erase one review never
-- takes the photo of another.
CREATE TABLE PhotoOwners (
  Photo   STRING(128) NOT NULL,
  Product STRING(64)  NOT NULL,
  Review  STRING(36)  NOT NULL,
) PRIMARY KEY (Photo);

-- Sums over the published reviews of a product that speak of an aspect, in shards as Ratings.
CREATE TABLE AspectSums (
  Product     STRING(64) NOT NULL,
  Shard       INT64      NOT NULL,
  Aspect      STRING(16) NOT NULL,
  Mentions    INT64      NOT NULL, -- reviews that speak of it
  ScoreMicros INT64      NOT NULL, -- the sum of their scores for it, in millionths
) PRIMARY KEY (Product, Shard, Aspect);

-- What a paid analyzer found in a text, so that the same text is not paid for twice.
CREATE TABLE Scores (
  TextHash STRING(64)  NOT NULL, -- SHA-256 in hex, of the text and of what analyzed it how
  Result   STRING(MAX) NOT NULL, -- JSON, the sentiment function's own
  ScoredAt TIMESTAMP   NOT NULL OPTIONS (allow_commit_timestamp = true),
) PRIMARY KEY (TextHash), ROW DELETION POLICY (OLDER_THAN(ScoredAt, INTERVAL 30 DAY));
