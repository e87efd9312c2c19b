// What every page has: the theme, the language, the times of here, and reviews that still have to be sent.

import { day, language } from './page.js';

// Addresses of before: #!/review and #!/review/{product}.
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
  } catch { /* for this page only, then */ }
  showTheme();
});
system.addEventListener('change', showTheme);
showTheme();
button.hidden = false;

// The language that was chosen is the one that "/" leads to. What is looked for, or edited, stays the same.
const choice = document.querySelector('.languages');
choice.addEventListener('click', ({ target }) => {
  const to = target.closest('a');
  if (!to) return;
  to.search = location.search;
  document.cookie = `language=${to.hreflang}; Path=/; Max-Age=31536000; SameSite=Lax`;
});
choice.addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape') return;
  choice.open = false;
  choice.firstElementChild.focus();
});
addEventListener('click', ({ target }) => {
  if (!choice.contains(target)) choice.open = false;
});

/** Writes the days of times as they are where the visitor is; the server writes those of UTC. */
export function localise(within) {
  for (const time of within.querySelectorAll('time')) time.textContent = day(time.dateTime);
}
localise(document);

// A picture that does not arrive leaves what lies below it, and no mark of a broken one.
addEventListener('error', ({ target }) => {
  if (target.matches?.('.picture img')) target.hidden = true;
}, true);

try {
  if (localStorage.getItem('outbox')) import('./outbox.js').then(({ flush }) => flush());
} catch { /* nothing is kept */ }
