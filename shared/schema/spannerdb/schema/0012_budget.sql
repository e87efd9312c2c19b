-- Moderation units that instances of sentiment reserved on a day, in shards with equal shares of the budget.
CREATE TABLE ModerationUnits (
  Day        STRING(10) NOT NULL, -- in UTC, such as 2026-12-01
  Shard      INT64      NOT NULL,
  Units      INT64      NOT NULL,
  ReservedAt TIMESTAMP  NOT NULL OPTIONS (allow_commit_timestamp = true),
) PRIMARY KEY (Day, Shard), ROW DELETION POLICY (OLDER_THAN(ReservedAt, INTERVAL 30 DAY));
