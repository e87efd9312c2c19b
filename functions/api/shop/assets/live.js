// Live updates of a product page. Dispatches the event "shop:changed" on the document when the reviews or the rating of the
// product have changed. Its detail has version, which is equal in all browsers after the same change, and removed, the IDs
// of reviews that are no longer published.
//
// The source is a stream of Server-Sent Events. Without a stream, the page polls the rating, which is cheap: an unchanged
// rating is revalidated by its ETag. A hidden page has neither and catches up when it becomes visible.

import { productPath } from './api.js';

const POLL_MS = 5_000; // least interval between polls; jitter adds up to as much
const RETRY_MS = 60_000; // least pause before the page opens a refused stream again; jitter adds up to as much

const { product } = document.querySelector('[data-product]').dataset;
const shownCount = () => Number(document.getElementById('rating-count').dataset.count);

let source; // EventSource
const timers = new Map();
let ratingVersion; // of the last event or poll
let revision = 0; // of the last review event
let removed = [];
let stale = false; // the page may have missed events

function cancel(name) {
  clearTimeout(timers.get(name));
  timers.delete(name);
}

// Runs work after a delay, instead of earlier work of that name.
function schedule(name, ms, work) {
  cancel(name);
  timers.set(name, setTimeout(work, ms));
}

// Dispatches one event for all changes within 50 ms.
function dispatchChange() {
  schedule('changed', 50, () => {
    document.dispatchEvent(new CustomEvent('shop:changed', { detail: { version: `${ratingVersion}.${revision}`, removed } }));
    removed = [];
  });
}

// Handles a version of the rating. The first version is a change only if its count differs from the page.
function handleRating(version, count) {
  const changed = ratingVersion === undefined ? count !== shownCount() : version !== ratingVersion;
  ratingVersion = version;
  if (changed) dispatchChange();
}

function catchUp() {
  if (stale) dispatchChange();
  stale = false;
}

const schedulePoll = () => schedule('poll', POLL_MS * (1 + Math.random()), poll);

async function poll() {
  schedulePoll();
  try {
    const response = await fetch(productPath(product, '/rating'), { cache: 'no-cache', signal: AbortSignal.timeout(POLL_MS) });
    if (!response.ok) return;
    const { count } = await response.json();
    handleRating(response.headers.get('ETag'), count);
    catchUp();
  } catch { /* the next poll tries again */ }
}

function listen() {
  schedulePoll(); // an opened stream cancels it
  if (!('EventSource' in window)) return;
  source = new EventSource(productPath(product, '/events'));
  source.addEventListener('open', () => {
    cancel('poll');
    catchUp();
  });
  source.addEventListener('rating', ({ data, lastEventId }) => handleRating(lastEventId, JSON.parse(data).count));
  source.addEventListener('review', ({ data }) => {
    const review = JSON.parse(data);
    ({ revision } = review);
    if (review.status !== 'published') removed.push(review.id);
    dispatchChange();
  });
  source.addEventListener('error', ({ target }) => {
    stale = true;
    if (!timers.has('poll')) schedulePoll();
    // Browsers do not reconnect a stream that the server refused.
    if (target.readyState === EventSource.CLOSED) schedule('retry', RETRY_MS * (1 + Math.random()), start);
  });
}

function stop() {
  source?.close();
  for (const name of timers.keys()) cancel(name);
}

function start() {
  stop();
  if (document.hidden) stale = true;
  else listen();
}

document.addEventListener('visibilitychange', start);
addEventListener('pagehide', () => { // a page in the back/forward cache must not hold a stream
  stop();
  stale = true;
});
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) start();
});
// The page itself loads first.
if (document.readyState === 'complete') start();
else addEventListener('load', start);
