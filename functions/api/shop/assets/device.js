// Storage of this browser: drafts, reviews to be sent, and reviews that were sent, with the tokens of their author. If
// localStorage is blocked or full, values last until the page is closed.

const memory = new Map();

function read(key, fallback) {
  try {
    return JSON.parse(memory.get(key) ?? localStorage.getItem(key)) ?? fallback;
  } catch {
    return fallback;
  }
}

function write(key, value) {
  try {
    if (value == null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
    memory.delete(key);
  } catch {
    memory.set(key, JSON.stringify(value ?? null));
  }
}

/** Drafts by product ID, "" before a product is chosen: {rating, text, author, photos: [{name, object}]}. */
export const drafts = {
  get: (product) => read(`draft:${product}`, null),
  set: (product, draft) => write(`draft:${product}`, draft),
};

// A stored list of objects with a unique field.
const list = (name, id) => ({
  all: () => read(name, []),
  find: (key) => read(name, []).find((one) => one[id] === key),
  put(one) {
    write(name, [...read(name, []).filter((other) => other[id] !== one[id]), one]);
  },
  remove(key) {
    const rest = read(name, []).filter((one) => one[id] !== key);
    write(name, rest.length ? rest : null);
  },
});

/** Reviews to be sent: {key, body, product, title, at, refused}. refused is the error text of a rejected review. */
export const outbox = list('outbox', 'key');

/** Accepted reviews: {id, product, title, token, at, rating, text, author, photos: [object], key}. key is that of the outbox. */
export const mine = list('mine', 'id');

const VISITOR_MS = 300 * 86_400_000; // the cookie lives for 365 days

/** Whether this browser has the cookie that identifies it for votes, which scripts cannot read. */
export const visitor = {
  known: () => Date.now() - read('visitor', 0) < VISITOR_MS,
  remember: () => write('visitor', Date.now()),
};

/** Reviews that got a helpful vote from this browser: {id}. */
export const voted = list('voted', 'id');
