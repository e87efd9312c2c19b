// News of a product, as they happen. The document gets the event "shop:changed" when what its page shows has changed,
// with these details: name, a name of the change that is the same in every browser; removed, the ids of reviews that
// are not shown any more.
//
// Server-Sent Events tell it. Where there are none, the rating is read now and then, which costs little: what has not
// changed is not sent again. A page that nobody looks at hears nothing, and catches up when somebody does.

import { productPath } from './api.js';

const POLL = 5_000; // between two reads of the rating, and as much again by chance
const RETRY = 60_000; // until a stream is tried again that there was not

const { product } = document.querySelector('[data-product]').dataset;
const shown = () => Number(document.getElementById('rating-count').dataset.count);

let source; // of events
const timers = new Map();
let rating; // the name of the one that was heard of last
let revision = 0; // of the review that was
let removed = [];
let missed = false; // something, perhaps

function forget(name) {
  clearTimeout(timers.get(name));
  timers.delete(name);
}

function later(name, ms, work) {
  forget(name);
  timers.set(name, setTimeout(work, ms));
}

// What comes together is one change.
function changed() {
  later('changed', 50, () => {
    document.dispatchEvent(new CustomEvent('shop:changed', { detail: { name: `${rating}.${revision}`, removed } }));
    removed = [];
  });
}

// The first rating is news only if the page shows another.
function heard(name, count) {
  const news = rating === undefined ? count !== shown() : name !== rating;
  rating = name;
  if (news) changed();
}

function caughtUp() {
  if (missed) changed();
  missed = false;
}

const pollLater = () => later('poll', POLL * (1 + Math.random()), poll);

async function poll() {
  pollLater();
  try {
    const answer = await fetch(productPath(product, '/rating'), { cache: 'no-cache', signal: AbortSignal.timeout(POLL) });
    if (!answer.ok) return;
    const { count } = await answer.json();
    heard(answer.headers.get('ETag'), count);
    caughtUp();
  } catch { /* the next time, then */ }
}

function listen() {
  pollLater(); // unless there is a stream by then
  if (!('EventSource' in window)) return;
  source = new EventSource(productPath(product, '/events'));
  source.addEventListener('open', () => {
    forget('poll');
    caughtUp();
  });
  source.addEventListener('rating', ({ data, lastEventId }) => heard(lastEventId, JSON.parse(data).count));
  source.addEventListener('review', ({ data }) => {
    const review = JSON.parse(data);
    ({ revision } = review);
    if (review.status !== 'published') removed.push(review.id);
    changed();
  });
  source.addEventListener('error', ({ target }) => {
    missed = true;
    if (!timers.has('poll')) pollLater();
    // Refused, it does not come back by itself.
    if (target.readyState === EventSource.CLOSED) later('retry', RETRY * (1 + Math.random()), look);
  });
}

function stop() {
  source?.close();
  for (const name of timers.keys()) forget(name);
}

function look() {
  stop();
  if (document.hidden) missed = true;
  else listen();
}

document.addEventListener('visibilitychange', look);
addEventListener('pagehide', () => { // a page that is kept for the way back holds no stream
  stop();
  missed = true;
});
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) look();
});
// What the page shows comes first.
if (document.readyState === 'complete') look();
else addEventListener('load', look);
