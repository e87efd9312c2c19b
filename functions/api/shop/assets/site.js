// The module of every page: theme, language menu, local dates, and sending of waiting reviews.

import { day, language } from './page.js';

// Redirects of URLs of an earlier release: #!/review and #!/review/{product}.
const [, place, product] = /^#!\/([^/]*)(?:\/(.*))?$/.exec(location.hash) ?? [];
if (place === 'review') location.replace(product ? `/${language}/products/${encodeURIComponent(decode(product))}/review` : `/${language}/review`);
else if (place === '') history.replaceState(null, '', location.pathname + location.search);

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const root = document.documentElement;
const button = document.getElementById('theme');
const system = matchMedia('(prefers-color-scheme: dark)');

function showTheme() {
  const now = root.dataset.theme ?? (system.matches ? 'dark' : 'light');
  button.dataset.now = now;
  button.setAttribute('aria-label', now === 'dark' ? button.dataset.light : button.dataset.dark);
}

button.addEventListener('click', () => {
  root.dataset.theme = button.dataset.now === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem('theme', root.dataset.theme);
  } catch { /* storage is blocked: the theme lasts for this page */ }
  showTheme();
});
system.addEventListener('change', showTheme);
showTheme();
button.hidden = false;

// The cookie makes "/" redirect to the chosen language. The links keep the query, so filters and edits survive.
const menu = document.querySelector('.languages');
menu.addEventListener('click', ({ target }) => {
  const link = target.closest('a');
  if (!link) return;
  link.search = location.search;
  document.cookie = `language=${link.hreflang}; Path=/; Max-Age=31536000; SameSite=Lax`;
});
menu.addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape') return;
  menu.open = false;
  menu.firstElementChild.focus();
});
addEventListener('click', ({ target }) => {
  if (!menu.contains(target)) menu.open = false;
});

/** Rewrites the dates within an element in the time zone of the browser. The server writes UTC dates. */
export function localise(within) {
  for (const time of within.querySelectorAll('time')) time.textContent = day(time.dateTime);
}
localise(document);

// Hides pictures that fail to load, so their placeholder stays visible instead of a broken image.
addEventListener('error', ({ target }) => {
  if (target.matches?.('.picture img')) target.hidden = true;
}, true);

try {
  if (localStorage.getItem('outbox')) import('./outbox.js').then(({ flush }) => flush());
} catch { /* storage is blocked: no review waits */ }
