// The page of the reviews written in this browser: reviews in the outbox, and sent reviews with their current status.

import { productPath, request } from './api.js';
import { mine, outbox } from './device.js';
import { flush } from './outbox.js';
import { announce, day, h, pathOf, stars, t } from './page.js';
import { badge, photoTexts, readReview, statusText } from './status.js';

const list = document.getElementById('mine');
const deleteDialog = document.getElementById('sure');

const card = ({ product, title, at }, rating, text, status, ...below) => h('article', { class: 'review', tabindex: -1 },
  h('header', {}, h('h2', { lang: 'en' }, h('a', { href: pathOf('products', product) }, title)), badge(status), h('p', { class: 'when' }, h('time', { datetime: at }, day(at)))),
  h('p', {}, stars(rating)), text ? h('p', { class: 'text', dir: 'auto' }, text) : null, ...below);

const button = (label, action, classes = 'quiet small') => {
  const element = h('button', { type: 'button', class: classes }, label);
  element.addEventListener('click', () => action(element));
  return element;
};

function outboxCard(entry) {
  const { rating, text } = JSON.parse(entry.body);
  return card(entry, rating, text, entry.refused ? 'rejected' : 'waiting',
    h('p', { class: 'note' }, entry.refused ? `${t('refused')} ${entry.refused}` : t('waiting')),
    h('p', { class: 'pages' }, entry.refused ? null : button(t('send_now'), () => flush()),
      button(t('discard'), () => {
        outbox.remove(entry.key);
        render();
      })));
}

// The API answers 410 for this long after a review was deleted, and 404 later.
const TOMBSTONE_MS = 30 * 86_400_000;

// Returns a review from the API, or its stored copy with a status that follows from the error.
async function readStatus(one) {
  try {
    return await readReview(one);
  } catch (error) {
    // A young review that the API lacks is still on its way to the store.
    const old = Date.now() - Date.parse(one.at) > TOMBSTONE_MS;
    return { ...one, status: error.status === 410 || (error.status === 404 && old) ? 'deleted' : error.status === 404 ? 'pending' : 'unknown' };
  }
}

function sentCard(one, now) {
  const notes = ['held', 'rejected'].includes(now.status) ? h('p', { class: 'note' }, statusText(now)) : null;
  const article = card(one, now.rating || one.rating, now.text || one.text, now.status, notes, ...photoTexts(now).map((text) => h('p', { class: 'note' }, text)));
  article.dataset.id = one.id;
  if (now.status === 'deleted') {
    article.append(h('p', { class: 'pages' }, button(t('discard'), () => {
      mine.remove(one.id);
      render();
    })));
  } else if (one.token) {
    article.append(h('p', { class: 'pages' },
      h('a', { class: 'quiet small', href: `${pathOf('products', one.product, 'review')}?edit=${one.id}` }, t('edit')),
      button(t('delete'), () => {
        candidate = { one, article };
        deleteDialog.showModal();
      })));
  }
  return article;
}

// The review that the dialog asks to delete. The handler reads the pressed button: the close event arrives later, and may
// belong to an earlier use of the dialog.
let candidate;
deleteDialog.addEventListener('submit', ({ submitter }) => { if (submitter.value === 'delete') deleteReview(candidate); });

async function deleteReview({ one, article }) {
  try {
    await request(productPath(one.product, `/reviews/${one.id}`), { method: 'DELETE', headers: { 'Author-Token': one.token } });
    mine.remove(one.id);
    await render();
    announce(t('deleted'));
    document.getElementById('main').focus();
  } catch {
    article.append(h('p', { class: 'error', role: 'alert' }, t('delete_failed')));
  }
}

async function render() {
  const known = mine.all().reverse();
  const now = await Promise.all(known.map(readStatus));
  const cards = [...outbox.all().reverse().map(outboxCard), ...known.map((one, i) => sentCard(one, now[i]))];
  list.replaceChildren(...(cards.length ? cards : [h('p', { class: 'note' }, t('no_own_reviews'))]));
  list.removeAttribute('aria-busy');
}

for (const event of ['review:sent', 'review:refused']) document.addEventListener(event, render);
render();
