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
  const list = find('#reviews');
  for (const id of removed) {
    const article = find(`[data-id="${CSS.escape(id)}"]`, list);
    if (article?.contains(document.activeElement)) find('#reviews-title').focus({ preventScroll: true });
    article?.remove();
  }
  let added = 0;
  for (const article of [...now.querySelectorAll('#reviews .review')].reverse()) {
    const shown = document.getElementById(article.id);
    if (shown) {
      if (!shown.contains(document.activeElement)) shown.replaceWith(article);
      continue;
    }
    find('.note', list)?.remove();
    list.prepend(article);
    added += 1;
  }
  enhance(document);
  if (added) announce(t('new_review'));
}
document.addEventListener('shop:changed', ({ detail }) => refresh(detail).catch(() => {})); // the next news bring it, then

document.documentElement.classList.add('scripted');
enhance(document);
