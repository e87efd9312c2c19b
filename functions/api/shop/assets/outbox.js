// Sends the reviews in the outbox until the API accepts or rejects each. Retries repeat the Idempotency-Key and the body, so
// they create one review. Dispatches "review:sent", "review:refused" and "review:waiting" on the document, with the entry of
// the outbox in the detail.

import { Problem, send } from './api.js';
import { drafts, mine, outbox } from './device.js';

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

let timer = 0;
let pause = FIRST_PAUSE_MS;

const dispatch = (name, entry, more = {}) => document.dispatchEvent(new CustomEvent(`review:${name}`, { detail: { entry, ...more } }));

/** Sends all waiting reviews. A lock lets one tab send at a time, in browsers that support locks. */
export function flush() {
  clearTimeout(timer);
  return navigator.locks ? navigator.locks.request('outbox', sendAll) : sendAll();
}

async function sendAll() {
  let waiting = 0;
  for (const entry of outbox.all().filter((one) => !one.refused)) {
    try {
      const { id, author_token: token } = await send('POST', '/v1/reviews', entry.body, { 'Idempotency-Key': entry.key });
      const { rating, text, author, photos } = JSON.parse(entry.body);
      mine.put({ id, product: entry.product, title: entry.title, token, at: entry.at, rating, text, author, photos, key: entry.key });
      outbox.remove(entry.key);
      drafts.set(entry.product, null); // the tab that sends it may not be the tab that wrote it
      dispatch('sent', entry, { id });
    } catch (error) {
      if (error instanceof Problem && !error.transient) {
        outbox.put({ ...entry, refused: error.message || String(error.status) });
        dispatch('refused', entry, { error });
        continue;
      }
      waiting = Math.max(waiting, pause, (error.retryAfter ?? 0) * 1000);
      dispatch('waiting', entry, { error });
    }
  }
  clearTimeout(timer);
  if (waiting) {
    timer = setTimeout(flush, waiting);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  } else {
    pause = FIRST_PAUSE_MS;
  }
}

// Another tab may have sent reviews that this tab shows as waiting.
addEventListener('storage', ({ key, oldValue }) => {
  if (key !== 'outbox') return;
  const left = JSON.parse(oldValue ?? '[]').filter((one) => !outbox.find(one.key));
  for (const entry of left) {
    const sent = mine.all().find((one) => one.key === entry.key);
    if (sent) dispatch('sent', entry, { id: sent.id });
  }
});

addEventListener('online', () => {
  pause = FIRST_PAUSE_MS;
  flush();
});
