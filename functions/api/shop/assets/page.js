// Texts, formats and DOM helpers of all modules. Data becomes text nodes only, never markup.

export const language = document.documentElement.lang;
const texts = JSON.parse(document.getElementById('texts')?.textContent ?? '{}');

/** The text of a key, with placeholders such as {n} replaced. */
export const t = (key, values = {}) => Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, value), texts[key]);

export const number = (n) => new Intl.NumberFormat(language).format(n);
export const day = (time) => new Intl.DateTimeFormat(language, { dateStyle: 'long' }).format(new Date(time));

/** The path of a page in the language of this page. */
export const pathOf = (...parts) => `/${[language, ...parts.map(encodeURIComponent)].join('/')}`;

/** Returns an element. Attributes that start with "on" are listeners; null attributes and children are skipped. */
export function h(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value != null) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

const SVG = 'http://www.w3.org/2000/svg';

/** A star rating of n, 1 to 5, as the template "stars" draws it. */
export function stars(n) {
  const make = (name, attributes, ...children) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const five = (kind) => make('use', { class: kind, href: '#five', width: 100, height: 20 });
  return make('svg', { class: 'stars', viewBox: '0 0 100 20', role: 'img', 'aria-label': t('stars', { n }) },
    five('off'), make('svg', { width: n * 20, height: 20 }, five('on')));
}

/** Makes screen readers read a text, without moving the focus. */
export function announce(text) {
  document.getElementById('live').textContent = text;
}

export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
