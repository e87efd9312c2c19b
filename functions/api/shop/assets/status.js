// What becomes of a review after it was accepted.

import { request, productPath } from './api.js';
import { h, sleep, t } from './page.js';

const GIVE_UP_AFTER_MS = 120_000;

/** The review as it is stored: its author sees it even while nobody else does. */
export const stored = ({ product, id, token }) => request(productPath(product, `/reviews/${id}`), { headers: token ? { 'Author-Token': token } : {} });

/**
 * Waits until a review is stored, in the revision of an edit when there was one, and returns it; null when that takes too
 * long. It answers 404 until then. Any other failure on the way may pass too: it was accepted, so keep asking, ever slower.
 */
export async function settle(one, editedAt) {
  const deadline = Date.now() + GIVE_UP_AFTER_MS;
  for (let pause = 500; ; pause = Math.min(pause * 1.5, 5000)) {
    try {
      const review = await stored(one);
      if (!editedAt || Date.parse(review.edited_at) >= Date.parse(editedAt)) return review;
    } catch (error) {
      pause = Math.max(pause, (error.retryAfter ?? 0) * 1000);
    }
    if (Date.now() + pause > deadline) return null;
    await sleep(pause);
  }
}

export const badge = (status) => h('span', { class: 'badge', 'data-status': status }, t(`status_${status}`));
