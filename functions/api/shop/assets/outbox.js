// Sends the reviews that are kept, until each was accepted or refused. All tries of one carry the same Idempotency-Key
// and the same body, so they are one review however often they arrive. What happens is told as an event of the
// document: "review:sent", "review:refused", "review:waiting", with the kept review.

import { Problem, send } from './api.js';
import { drafts, mine, outbox } from './device.js';

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

let timer = 0;
let pause = FIRST_PAUSE_MS;

const tell = (name, kept, more = {}) => document.dispatchEvent(new CustomEvent(`review:${name}`, { detail: { kept, ...more } }));

/** Tries all that wait. Only one page of the shop does at a time, where browsers can see to that. */
export function flush() {
  clearTimeout(timer);
  return navigator.locks ? navigator.locks.request('outbox', sendAll) : sendAll();
}

async function sendAll() {
  let waiting = 0;
  for (const kept of outbox.all().filter((one) => !one.refused)) {
    try {
      const { id, author_token: token } = await send('POST', '/v1/reviews', kept.body, { 'Idempotency-Key': kept.key });
      const { rating, text, author, photos } = JSON.parse(kept.body);
      mine.put({ id, product: kept.product, title: kept.title, token, at: kept.at, rating, text, author, photos, key: kept.key });
      outbox.drop(kept.key);
      drafts.set(kept.product, null); // whichever page sends it
      tell('sent', kept, { id });
    } catch (error) {
      if (error instanceof Problem && !error.passes) {
        outbox.put({ ...kept, refused: error.message || String(error.status) });
        tell('refused', kept, { error });
        continue;
      }
      waiting = Math.max(waiting, pause, (error.retryAfter ?? 0) * 1000);
      tell('waiting', kept, { error });
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

// Another page of the shop may have sent what was kept here.
addEventListener('storage', ({ key, oldValue }) => {
  if (key !== 'outbox') return;
  const gone = JSON.parse(oldValue ?? '[]').filter((one) => !outbox.find(one.key));
  for (const kept of gone) {
    const sent = mine.all().find((one) => one.key === kept.key);
    if (sent) tell('sent', kept, { id: sent.id });
  }
});

addEventListener('online', () => {
  pause = FIRST_PAUSE_MS;
  flush();
});
