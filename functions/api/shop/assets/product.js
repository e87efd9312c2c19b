// The product page: more reviews, filters, votes, reports, live updates, and links on the shopper's own reviews. It loads whole pages
// from the server and takes parts of them, so the server renders all reviews.

import { request, productPath } from './api.js';
import { mine, visitor, voted } from './device.js';
import { announce, h, number, pathOf, t } from './page.js';
import { localise } from './site.js';

const product = document.querySelector('[data-product]').dataset.product;
const find = (selector, within = document) => within.querySelector(selector);

// XMLHttpRequest parses a document without running its scripts, and Trusted Types allow it.
const load = (url) => new Promise((resolve, reject) => {
  const xhr = new XMLHttpRequest();
  xhr.open('GET', url);
  xhr.responseType = 'document';
  xhr.addEventListener('load', () => (xhr.status === 200 ? resolve(xhr.response) : reject(new Error(`${url}: ${xhr.status}`))));
  xhr.addEventListener('error', () => reject(new Error(url)));
  xhr.send();
});

// Runs work while the list is marked as busy. Shows a message if the work fails.
async function whileBusy(work) {
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

// Adds edit and delete links to reviews of this browser, and disables votes that it has sent.
function enhance(within) {
  localise(within);
  for (const one of mine.all()) {
    const article = find(`[data-id="${CSS.escape(one.id)}"]`, within);
    if (!article || find('.own', article)) continue;
    find('header', article).append(h('p', { class: 'own' }, t('own_review'), ' · ',
      h('a', { href: `${pathOf('products', product, 'review')}?edit=${one.id}` }, t('edit')), ' · ', h('a', { href: pathOf('mine') }, t('delete'))));
    find('.helpful', article).hidden = find('.report', article).hidden = true;
  }
  for (const { id } of voted.all()) {
    const vote = find(`[data-id="${CSS.escape(id)}"] .helpful button`, within);
    if (vote) vote.disabled = true;
  }
}

async function loadMore(link) {
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

// Replaces the rating, the filters and the list by those at a URL.
async function showList(url) {
  const other = await load(url);
  for (const part of ['#rating', '#reviews', '#more', '#filters']) {
    const [current, replacement] = [find(part), find(part, other)];
    if (!current || !replacement) continue;
    const focused = current.contains(document.activeElement) && document.activeElement.name;
    current.replaceWith(replacement);
    if (focused) find(`[name="${CSS.escape(focused)}"]`, replacement)?.focus();
  }
  enhance(document);
  announce(t('filtered'));
}

function navigate(url) {
  const target = new URL(url, location.href);
  for (const [name, value] of [...target.searchParams]) if (!value) target.searchParams.delete(name);
  if (target.search !== location.search) history.pushState(null, '', target.pathname + target.search);
  return whileBusy(() => showList(target.href));
}

async function vote(form) {
  const button = find('button', form);
  const result = find('[data-helpful]', form);
  const { id } = form.closest('.review').dataset;
  button.disabled = true;
  try {
    await request(productPath(product, `/reviews/${id}/helpful${new URL(form.action).search}`), { method: 'POST' });
    voted.put({ id });
    result.textContent = t('thanks');
  } catch (error) {
    button.disabled = error.status === 409;
    result.textContent = error.status === 409 ? t('vote_stale') : t('vote_failed');
  }
  announce(result.textContent);
}

async function report(form) {
  const button = find('button', form);
  const { id } = form.closest('.review').dataset;
  button.disabled = true;
  let text = t('reported');
  try {
    await request(productPath(product, `/reviews/${id}/report`), { method: 'POST' });
  } catch (problem) {
    // 404: the review is hidden, so the report has its effect already.
    if (problem.status !== 404) text = problem.status === 429 ? t('report_limit') : t('report_failed');
    button.disabled = false;
  }
  find('.result', form)?.remove();
  const result = h('p', { class: 'result', tabindex: '-1' }, text);
  if (text === t('reported')) form.replaceChildren(result);
  else form.append(result);
  result.focus();
  announce(text);
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.matches('.report form')) {
    event.preventDefault();
    report(form);
    return;
  }
  if (form.matches('.helpful')) {
    event.preventDefault();
    vote(form);
  } else if (form.id === 'filters') {
    event.preventDefault();
    navigate(`?${new URLSearchParams(new FormData(form))}`).then(() => find('#reviews-title').focus({ preventScroll: true }));
  }
});

document.addEventListener('change', ({ target }) => {
  if (target.form?.id === 'filters') navigate(`?${new URLSearchParams(new FormData(target.form))}`);
});

document.addEventListener('click', (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest('#more a[rel=next], .histogram a');
  if (!link) return;
  event.preventDefault();
  if (link.rel === 'next') whileBusy(() => loadMore(link));
  else navigate(link.href).then(() => find('#reviews-title').focus());
});

addEventListener('popstate', () => whileBusy(() => showList(location.href)));

// Loads the page again after a "shop:changed" event of live.js, and updates the rating and the first reviews of the list.
async function refresh({ version, removed }) {
  const fresh = new URL(location.href);
  fresh.searchParams.set('version', version); // skips older responses in shared caches; browsers with the same version share one
  const now = await load(fresh.href);
  const before = find('#rating-count').dataset.count;
  find('#rating').replaceWith(find('#rating', now));
  if (find('#rating-count').dataset.count !== before) find('.overall').classList.add('changed');
  mergeReviews(now, removed);
  enhance(document);
  if (Number(find('#rating-count').dataset.count) > Number(before)) announce(t('new_review'));
}

// Gives the start of the list the reviews of another document, in the same order. Reviews after those stay unless they are
// removed.
function mergeReviews(now, removed) {
  const list = find('#reviews');
  const shown = [...list.querySelectorAll('.review')];
  const fresh = [...now.querySelectorAll('#reviews .review')];
  const has = (articles, { id }) => articles.some((article) => article.id === id);
  if (!fresh.some((article) => has(shown, article))) { // the lists have no review in common
    if (list.contains(document.activeElement)) find('#reviews-title').focus({ preventScroll: true });
    list.replaceChildren(...find('#reviews', now).childNodes);
    find('#more').replaceWith(find('#more', now));
    return;
  }
  const isWholeList = !find('#more a[rel=next]', now);
  const head = shown.slice(0, fresh.length);
  const added = fresh.filter((article) => !has(head, article)).length; // unchanged reviews moved down by up to this many
  shown.forEach((article, i) => {
    if (has(fresh, article) || !(isWholeList || removed.includes(article.dataset.id) || i + added < fresh.length)) return;
    if (article.contains(document.activeElement)) find('#reviews-title').focus({ preventScroll: true });
    article.remove();
  });
  let last = null;
  for (const article of fresh) {
    const here = document.getElementById(article.id);
    let one = article;
    if (here?.contains(document.activeElement)) one = here; // keep the article that has the focus
    else here?.remove();
    if (one.parentNode !== list || one.previousElementSibling !== last) list.insertBefore(one, last ? last.nextSibling : list.firstChild);
    last = one;
  }
}
document.addEventListener('shop:changed', ({ detail }) => refresh(detail).catch(() => {})); // the next change tries again

// Cached pages set no cookie. A failure costs little: without the cookie, a vote counts once a day for the whole network.
async function identify() {
  if (visitor.known() || !find('.helpful')) return;
  const response = await fetch('/v1/visitor', { method: 'POST' });
  if (response.ok) visitor.remember();
}

document.documentElement.classList.add('scripted');
identify().catch(() => {});
enhance(document);
