// Status of a review after the API has accepted it.

import { request, productPath } from './api.js';
import { h, sleep, t } from './page.js';

const SETTLE_TIMEOUT_MS = 120_000;
const PHOTOS_TIMEOUT_MS = 30_000;

/** Reads a review. With the token of its author, the API also returns held and rejected reviews. */
export const readReview = ({ product, id, token }) => request(productPath(product, `/reviews/${id}`), { headers: token ? { 'Author-Token': token } : {} });

/**
 * Polls until a review is stored, after an edit in a revision of editedAt or later, and returns it. Returns null after
 * SETTLE_TIMEOUT_MS. The review was accepted, so errors such as 404 are transient; the interval grows to 5 s.
 */
export async function settle(one, editedAt) {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS;
  for (let pause = 500; ; pause = Math.min(pause * 1.5, 5000)) {
    try {
      const review = await readReview(one);
      if (!editedAt || Date.parse(review.edited_at) >= Date.parse(editedAt)) return review;
    } catch (error) {
      pause = Math.max(pause, (error.retryAfter ?? 0) * 1000);
    }
    if (Date.now() + pause > deadline) return null;
    await sleep(pause);
  }
}

/** Returns the message for the author of a review, in its page's language. */
export const statusText = (review) => (review.reason === 'pending_moderation' ? t('being_checked') : t(review.status));

const CAUSES = ['unreadable', 'too_large', 'unsafe', 'expired', 'deleted', 'taken'];

/** Returns a message for each photo that the author sent and the review lacks. The API returns these to the author only. */
export const photoTexts = (review) => (review.missing_photos ?? []).map(({ cause }) => t(`photo_missing_${CAUSES.includes(cause) ? cause : 'other'}`));

/**
 * Polls until each of the photos that the author sent is shown or missing, and returns the review. Photos are rendered after
 * the review is stored. Returns the last review that it read after PHOTOS_TIMEOUT_MS.
 */
export async function settlePhotos(one, review, sent) {
  const settled = () => !review.photos || review.photos.length + (review.missing_photos ?? []).length >= sent;
  for (const deadline = Date.now() + PHOTOS_TIMEOUT_MS; !settled() && Date.now() < deadline;) {
    await sleep(1000);
    review = await readReview(one).catch(() => review);
  }
  return review;
}

/** Returns the badge of a status. */
export const badge = (status) => h('span', { class: 'badge', 'data-status': status }, t(`status_${status}`));
