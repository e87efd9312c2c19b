// What all modules of a page need: its texts, its language, and nodes. Data only ever becomes text nodes, never markup.

export const language = document.documentElement.lang;
const texts = JSON.parse(document.getElementById('texts')?.textContent ?? '{}');

/** The text of a key, with what stands in braces replaced. */
export const t = (key, values = {}) => Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, value), texts[key]);

export const number = (n) => new Intl.NumberFormat(language).format(n);
export const day = (time) => new Intl.DateTimeFormat(language, { dateStyle: 'long' }).format(new Date(time));

/** The address of a page in this page's language. */
export const pathOf = (...parts) => `/${[language, ...parts.map(encodeURIComponent)].join('/')}`;

/** Makes an element. A property whose name begins with "on" is a listener; null is left out. */
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

/** Stars as the server draws them. */
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

/** Says something to who hears the page, without taking the focus. */
export function announce(text) {
  document.getElementById('live').textContent = text;
}

export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
