-- The catalogue. A script loads it, no function changes it.
CREATE TABLE Products (
  Product  STRING(64)  NOT NULL, -- the slug in its URL, such as butter-cream-peaches
  Title    STRING(200) NOT NULL,
  Kind     STRING(16)  NOT NULL, -- album, photobook, clothing, household or video
  Price    INT64       NOT NULL, -- in the smallest unit of the currency (ISO 4217): won, cents
  Currency STRING(3)   NOT NULL,
  Released DATE,
) PRIMARY KEY (Product);

-- One row for each accepted review, however often Pub/Sub delivers its messages. A review may name a product that the
-- catalogue lacks, and is held then, so there is no foreign key to Products.
-- Ids are random, so the reviews of a product spread over its key range.
CREATE TABLE Reviews (
  Product     STRING(64)   NOT NULL,
  Review      STRING(36)   NOT NULL, -- a UUID
  Status      STRING(16)   NOT NULL, -- published: shown and counted; held: not shown and not counted
  HeldFor     STRING(64),            -- the reason for holding it
  Rating      INT64        NOT NULL,
  Text        STRING(5000) NOT NULL,
  Author      STRING(80)   NOT NULL,
  Locale      STRING(35)   NOT NULL,
  Language    STRING(35),            -- of the text, as detected; BCP 47
  Score       FLOAT64,               -- -1 to 1, a whole number of millionths; NULL: not scored
  Magnitude   FLOAT64,
  ScoredBy    STRING(64),
  SubmittedAt TIMESTAMP    NOT NULL,
  StoredAt    TIMESTAMP    NOT NULL OPTIONS (allow_commit_timestamp = true),
  PublishedAt TIMESTAMP             OPTIONS (allow_commit_timestamp = true), -- NULL: not yet
  CONSTRAINT RatingIsStars CHECK (Rating >= 1 AND Rating <= 5),
  CONSTRAINT StatusIsKnown CHECK (Status IN ('published', 'held')),
) PRIMARY KEY (Product, Review);

-- The order of a product's page. All new reviews of a product are inserted at its head.
CREATE INDEX ReviewsByTime ON Reviews (Product, Status, SubmittedAt DESC, Review);

-- Sums over the published reviews of a product. Readers add up the shards, which keep any one row from becoming a hot spot.
-- The sums are whole numbers, because sums of floating-point numbers drift as reviews are added and removed.
CREATE TABLE Ratings (
  Product     STRING(64) NOT NULL,
  Shard       INT64      NOT NULL,
  Stars1      INT64      NOT NULL, -- reviews with one star
  Stars2      INT64      NOT NULL,
  Stars3      INT64      NOT NULL,
  Stars4      INT64      NOT NULL,
  Stars5      INT64      NOT NULL,
  Scored      INT64      NOT NULL, -- reviews with a score
  ScoreMicros INT64      NOT NULL, -- the sum of their scores, in millionths
) PRIMARY KEY (Product, Shard);
