-- Changes of a review after its submission. A row has the newest content, the newest reply, and the times of all contents and
-- decisions. The status follows from these times, so the order of arrival does not matter. Every new column may be NULL,
-- as it is in older rows.
ALTER TABLE Reviews ADD COLUMN Revision INT64;     -- of the content: the time of its edit or submission, in microseconds since 1970; NULL: SubmittedAt
ALTER TABLE Reviews ADD COLUMN EditedAt TIMESTAMP; -- NULL: never
ALTER TABLE Reviews ADD COLUMN Revisions ARRAY<INT64>; -- of all contents; NULL: Revision alone
ALTER TABLE Reviews ADD COLUMN HoldFor STRING(64); -- the content flag, by catalogue or moderation; NULL: none
ALTER TABLE Reviews ADD COLUMN Verdicts ARRAY<STRING(16)>;  -- an operator's decisions: publish, hold or reject; NULL: none
ALTER TABLE Reviews ADD COLUMN Reasons ARRAY<STRING(200)>;  -- the operator's words for each verdict
ALTER TABLE Reviews ADD COLUMN DecidedOn ARRAY<INT64>;      -- the revision of each decision
ALTER TABLE Reviews ADD COLUMN DecidedAt ARRAY<TIMESTAMP>;  -- the time of each decision
ALTER TABLE Reviews ADD COLUMN HeldAt TIMESTAMP OPTIONS (allow_commit_timestamp = true); -- time at which the review was hidden; NULL: published, or hidden before this column existed
ALTER TABLE Reviews ADD COLUMN Helpful INT64;        -- number of its rows in Votes; NULL: 0
ALTER TABLE Reviews ADD COLUMN Reply STRING(2000);   -- of the merchant; NULL: none
ALTER TABLE Reviews ADD COLUMN RepliedAt TIMESTAMP;  -- time of the reply or of its removal
ALTER TABLE Reviews ADD COLUMN Aspects ARRAY<STRING(16)>; -- aspects that the text mentions; NULL: none
ALTER TABLE Reviews ADD COLUMN AspectScores ARRAY<FLOAT64>; -- scores of Aspects, in the same order and unit as Score
ALTER TABLE Reviews ADD COLUMN Dropped ARRAY<STRING(128)>; -- photos that an edit removed, until they are deleted; NULL: none

-- The reason for holding or rejecting a review. It has room for an operator's words.
ALTER TABLE Reviews ALTER COLUMN HeldFor STRING(200);
ALTER TABLE Reviews DROP CONSTRAINT StatusIsKnown;
ALTER TABLE Reviews ADD CONSTRAINT StatusIsOneOfThree CHECK (Status IN ('published', 'held', 'rejected'));

-- The other orders of a product's page, and the few rows that operators list.
CREATE INDEX ReviewsByAge ON Reviews (Product, Status, SubmittedAt, Review);
CREATE INDEX ReviewsByRatingDown ON Reviews (Product, Status, Rating DESC, SubmittedAt DESC, Review);
CREATE INDEX ReviewsByRatingUp ON Reviews (Product, Status, Rating, SubmittedAt DESC, Review);
CREATE INDEX ReviewsByScoreDown ON Reviews (Product, Status, Score DESC, SubmittedAt DESC, Review);
CREATE INDEX ReviewsByScoreUp ON Reviews (Product, Status, Score, SubmittedAt DESC, Review);
CREATE INDEX ReviewsByHelpful ON Reviews (Product, Status, Helpful DESC, SubmittedAt DESC, Review);
CREATE NULL_FILTERED INDEX ReviewsHeld ON Reviews (HeldAt DESC);

-- Tombstones of erased reviews, for late and repeated messages. They outlive the retention of Pub/Sub messages.
CREATE TABLE Erased (
  Product  STRING(64) NOT NULL,
  Review   STRING(36) NOT NULL,
  Photos   ARRAY<STRING(128)>, -- photos of the review, to be deleted: a redelivery finishes an interrupted erasure
  ErasedAt TIMESTAMP  NOT NULL OPTIONS (allow_commit_timestamp = true),
) PRIMARY KEY (Product, Review), ROW DELETION POLICY (OLDER_THAN(ErasedAt, INTERVAL 30 DAY));

-- Visitors that find a review helpful.
CREATE TABLE Votes (
  Product STRING(64) NOT NULL,
  Review  STRING(36) NOT NULL,
  Visitor STRING(43) NOT NULL, -- an HMAC, different for each review
) PRIMARY KEY (Product, Review, Visitor);

-- Owners of photos: the review that names a photo first. One owner each, so that erasing one review never deletes the photo
-- of another.
CREATE TABLE PhotoOwners (
  Photo   STRING(128) NOT NULL,
  Product STRING(64)  NOT NULL,
  Review  STRING(36)  NOT NULL,
) PRIMARY KEY (Photo);

-- Sums over the published reviews of a product that mention an aspect, in shards like Ratings.
CREATE TABLE AspectSums (
  Product     STRING(64) NOT NULL,
  Shard       INT64      NOT NULL,
  Aspect      STRING(16) NOT NULL,
  Mentions    INT64      NOT NULL, -- reviews that mention it
  ScoreMicros INT64      NOT NULL, -- the sum of their scores for it, in millionths
) PRIMARY KEY (Product, Shard, Aspect);

-- Cached results of a paid analyzer, so that the function sentiment does not pay for the same text twice.
CREATE TABLE Scores (
  TextHash STRING(64)  NOT NULL, -- SHA-256 in hex of the analyzer's method and the text
  Result   STRING(MAX) NOT NULL, -- JSON in a format of the function sentiment
  ScoredAt TIMESTAMP   NOT NULL OPTIONS (allow_commit_timestamp = true),
) PRIMARY KEY (TextHash), ROW DELETION POLICY (OLDER_THAN(ScoredAt, INTERVAL 30 DAY));
