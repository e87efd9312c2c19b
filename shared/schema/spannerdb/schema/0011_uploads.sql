-- Photos between upload and claim, photos that are gone, and photos that a review names but does not get.

-- Photos that no review has named yet. A photo of before this table has no row and stays.
CREATE TABLE UnclaimedPhotos (
  Photo    STRING(128) NOT NULL,
  NoticedAt TIMESTAMP  NOT NULL OPTIONS (allow_commit_timestamp = true), -- time at which the function sentiment learned of the upload
) PRIMARY KEY (Photo);
CREATE INDEX UnclaimedPhotosByTime ON UnclaimedPhotos (NoticedAt);

-- Names that no review may claim and no upload may use again. They outlive the upload policy and the retention of messages.
CREATE TABLE ErasedPhotos (
  Photo    STRING(128) NOT NULL,
  Cause    STRING(32)  NOT NULL, -- a PhotoCause of package review
  ErasedAt TIMESTAMP   NOT NULL OPTIONS (allow_commit_timestamp = true),
) PRIMARY KEY (Photo), ROW DELETION POLICY (OLDER_THAN(ErasedAt, INTERVAL 30 DAY));

ALTER TABLE Reviews ADD COLUMN MissingPhotos ARRAY<STRING(128)>; -- photos that the newest content names and the review lacks; NULL: none
ALTER TABLE Reviews ADD COLUMN MissingCauses ARRAY<STRING(32)>;  -- the PhotoCause of each
