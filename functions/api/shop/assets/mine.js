// The reviews of this browser: those that wait to be sent, and those that were, with what became of them.

import { productPath, request } from './api.js';
import { mine, outbox } from './device.js';
import { flush } from './outbox.js';
import { announce, day, h, pathOf, stars, t } from './page.js';
import { badge, stored } from './status.js';

const list = document.getElementById('mine');
const sure = document.getElementById('sure');

const about = ({ product, title, at }, rating, text, status, ...below) => h('article', { class: 'review', tabindex: -1 },
  h('header', {}, h('h2', { lang: 'en' }, h('a', { href: pathOf('products', product) }, title)), badge(status), h('p', { class: 'when' }, h('time', { datetime: at }, day(at)))),
  h('p', {}, stars(rating)), text ? h('p', { class: 'text', dir: 'auto' }, text) : null, ...below);

const button = (label, act, kind = 'quiet small') => {
  const made = h('button', { type: 'button', class: kind }, label);
  made.addEventListener('click', () => act(made));
  return made;
};

function waiting(kept) {
  const { rating, text } = JSON.parse(kept.body);
  return about(kept, rating, text, kept.refused ? 'rejected' : 'waiting',
    h('p', { class: 'note' }, kept.refused ? `${t('refused')} ${kept.refused}` : t('waiting')),
    h('p', { class: 'pages' }, kept.refused ? null : button(t('send_now'), () => flush()),
      button(t('discard'), () => {
        outbox.drop(kept.key);
        paint();
      })));
}

// The API remembers for so long that a review was deleted.
const REMEMBERED_MS = 30 * 86_400_000;

// What the API says of a review, as far as it says anything.
async function state(one) {
  try {
    return await stored(one);
  } catch (error) {
    // One that is not there may be on its way, however long that takes.
    const old = Date.now() - Date.parse(one.at) > REMEMBERED_MS;
    return { ...one, status: error.status === 410 || (error.status === 404 && old) ? 'deleted' : error.status === 404 ? 'pending' : 'unknown' };
  }
}

function sent(one, now) {
  const notes = ['held', 'rejected'].includes(now.status) ? h('p', { class: 'note' }, t(now.status)) : null;
  const article = about(one, now.rating || one.rating, now.text || one.text, now.status, notes);
  article.dataset.id = one.id;
  if (now.status === 'deleted') {
    article.append(h('p', { class: 'pages' }, button(t('discard'), () => {
      mine.drop(one.id);
      paint();
    })));
  } else if (one.token) {
    article.append(h('p', { class: 'pages' },
      h('a', { class: 'quiet small', href: `${pathOf('products', one.product, 'review')}?edit=${one.id}` }, t('edit')),
      button(t('delete'), () => {
        asked = { one, article };
        sure.showModal();
      })));
  }
  return article;
}

// The review that the dialog asks about. Its answer is taken from what was pressed: the dialog's event of closing comes
// later, and may be that of the time before.
let asked;
sure.addEventListener('submit', ({ submitter }) => { if (submitter.value === 'delete') erase(asked); });

async function erase({ one, article }) {
  try {
    await request(productPath(one.product, `/reviews/${one.id}`), { method: 'DELETE', headers: { 'Author-Token': one.token } });
    mine.drop(one.id);
    await paint();
    announce(t('deleted'));
    document.getElementById('main').focus();
  } catch {
    article.append(h('p', { class: 'error', role: 'alert' }, t('delete_failed')));
  }
}

async function paint() {
  const known = mine.all().reverse();
  const now = await Promise.all(known.map(state));
  const shown = [...outbox.all().reverse().map(waiting), ...known.map((one, i) => sent(one, now[i]))];
  list.replaceChildren(...(shown.length ? shown : [h('p', { class: 'note' }, t('none_of_mine'))]));
  list.removeAttribute('aria-busy');
}

for (const event of ['review:sent', 'review:refused']) document.addEventListener(event, paint);
paint();
