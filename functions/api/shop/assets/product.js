// A product's page: more reviews, filters and votes without leaving it, the visitor's own reviews, and news.
// Other pages of the list come as the server makes them, and what is wanted of them is taken.

import { request, productPath } from './api.js';
import { mine, voted } from './device.js';
import { announce, h, number, pathOf, t } from './page.js';
import { localise } from './site.js';

const product = document.querySelector('[data-product]').dataset.product;
const find = (selector, within = document) => within.querySelector(selector);

// A document that XMLHttpRequest parses runs nothing, and is no markup made of a string.
const load = (url) => new Promise((resolve, reject) => {
  const asked = new XMLHttpRequest();
  asked.open('GET', url);
  asked.responseType = 'document';
  asked.addEventListener('load', () => (asked.status === 200 ? resolve(asked.response) : reject(new Error(`${url}: ${asked.status}`))));
  asked.addEventListener('error', () => reject(new Error(url)));
  asked.send();
});

// Runs work on the list, which says so meanwhile.
async function busy(work) {
  const list = find('#reviews');
  list.setAttribute('aria-busy', 'true');
  try {
    await work();
  } catch {
    announce(t('failed'));
    find('#more').prepend(find('#failed') ?? h('p', { id: 'failed', class: 'error' }, t('failed')));
  } finally {
    find('#reviews').removeAttribute('aria-busy');
  }
}

// Own reviews can be changed, and what was found helpful is not asked again.
function enhance(within) {
  localise(within);
  for (const one of mine.all()) {
    const article = find(`[data-id="${CSS.escape(one.id)}"]`, within);
    if (!article || find('.own', article)) continue;
    find('header', article).append(h('p', { class: 'own' }, t('yours'), ' · ',
      h('a', { href: `${pathOf('products', product, 'review')}?edit=${one.id}` }, t('edit')), ' · ', h('a', { href: pathOf('mine') }, t('delete'))));
    find('.helpful', article).hidden = true;
  }
  for (const { id } of voted.all()) {
    const vote = find(`[data-id="${CSS.escape(id)}"] .helpful button`, within);
    if (vote) vote.disabled = true;
  }
}

async function more(link) {
  const next = await load(link.href);
  const fresh = [...next.querySelectorAll('#reviews .review')].filter((article) => !document.getElementById(article.id));
  find('#reviews').append(...fresh);
  find('#more').replaceChildren(...[find('#more a[rel=next]', next)].filter(Boolean));
  enhance(document);
  if (fresh[0]) {
    fresh[0].tabIndex = -1;
    fresh[0].focus({ preventScroll: true });
  }
  announce(t('loaded', { n: number(fresh.length) }));
}

// Shows another list in place of this one.
async function show(url) {
  const other = await load(url);
  for (const part of ['#rating', '#reviews', '#more', '#filters']) {
    const [was, is] = [find(part), find(part, other)];
    if (!was || !is) continue;
    const focused = was.contains(document.activeElement) && document.activeElement.name;
    was.replaceWith(is);
    if (focused) find(`[name="${CSS.escape(focused)}"]`, is)?.focus();
  }
  enhance(document);
  announce(t('filtered'));
}

function go(url) {
  const to = new URL(url, location.href);
  for (const [name, value] of [...to.searchParams]) if (!value) to.searchParams.delete(name);
  if (to.search !== location.search) history.pushState(null, '', to.pathname + to.search);
  return busy(() => show(to.href));
}

async function vote(form) {
  const button = find('button', form);
  const said = find('[data-helpful]', form);
  const { id } = form.closest('.review').dataset;
  button.disabled = true;
  try {
    await request(productPath(product, `/reviews/${id}/helpful`), { method: 'POST' });
    voted.put({ id });
    said.textContent = t('thanks');
  } catch {
    button.disabled = false;
    said.textContent = t('vote_failed');
  }
  announce(said.textContent);
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.matches('.helpful')) {
    event.preventDefault();
    vote(form);
  } else if (form.id === 'filters') {
    event.preventDefault();
    go(`?${new URLSearchParams(new FormData(form))}`).then(() => find('#reviews-title').focus({ preventScroll: true }));
  }
});

document.addEventListener('change', ({ target }) => {
  if (target.form?.id === 'filters') go(`?${new URLSearchParams(new FormData(target.form))}`);
});

document.addEventListener('click', (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest('#more a[rel=next], .histogram a');
  if (!link) return;
  event.preventDefault();
  if (link.rel === 'next') busy(() => more(link));
  else go(link.href).then(() => find('#reviews-title').focus());
});

addEventListener('popstate', () => busy(() => show(location.href)));

/**
 * Shows what has changed since: the rating, and reviews that are new at the head of the list. It answers the event
 * "shop:changed" of the document, which who hears of news dispatches.
 */
async function refresh({ name, removed }) {
  const fresh = new URL(location.href);
  fresh.searchParams.set('news', name); // past what a cache on the way still has; those who hear the same share the answer
  const now = await load(fresh.href);
  const before = find('#rating-count').dataset.count;
  find('#rating').replaceWith(find('#rating', now));
  if (find('#rating-count').dataset.count !== before) find('.overall').classList.add('changed');
  arrange(now, removed);
  enhance(document);
  if (Number(find('#rating-count').dataset.count) > Number(before)) announce(t('new_review'));
}

// Makes the head of the list what it is in another document: the same reviews in the same order. What was loaded beyond
// that stays, unless it is known to be gone.
function arrange(now, removed) {
  const list = find('#reviews');
  const shown = [...list.querySelectorAll('.review')];
  const fresh = [...now.querySelectorAll('#reviews .review')];
  const has = (articles, { id }) => articles.some((article) => article.id === id);
  if (!fresh.some((article) => has(shown, article))) { // all are new, or none is left: nothing here joins on
    if (list.contains(document.activeElement)) find('#reviews-title').focus({ preventScroll: true });
    list.replaceChildren(...find('#reviews', now).childNodes);
    find('#more').replaceWith(find('#more', now));
    return;
  }
  const whole = !find('#more a[rel=next]', now);
  const head = shown.slice(0, fresh.length);
  const pushed = fresh.filter((article) => !has(head, article)).length; // so far can what did not move be down by now
  shown.forEach((article, i) => {
    if (has(fresh, article) || !(whole || removed.includes(article.dataset.id) || i + pushed < fresh.length)) return;
    if (article.contains(document.activeElement)) find('#reviews-title').focus({ preventScroll: true });
    article.remove();
  });
  let last = null;
  for (const article of fresh) {
    const here = document.getElementById(article.id);
    let one = article;
    if (here?.contains(document.activeElement)) one = here; // who is in it is not thrown out
    else here?.remove();
    if (one.parentNode !== list || one.previousElementSibling !== last) list.insertBefore(one, last ? last.nextSibling : list.firstChild);
    last = one;
  }
}
document.addEventListener('shop:changed', ({ detail }) => refresh(detail).catch(() => {})); // the next news bring it, then

document.documentElement.classList.add('scripted');
enhance(document);
