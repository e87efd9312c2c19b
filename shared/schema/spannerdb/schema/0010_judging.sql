-- Content that a moderator did not judge, because the Natural Language API was down or a quota used up. A sweep judges it again.
-- A release of sentiment that does not know the column leaves it as it was: at worst, newer content is judged twice.
ALTER TABLE Reviews ADD COLUMN JudgeAt TIMESTAMP; -- time from which a sweep judges the newest content; NULL: it is judged
CREATE NULL_FILTERED INDEX ReviewsToJudge ON Reviews (JudgeAt);
