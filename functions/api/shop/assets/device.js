// What this browser keeps: drafts, reviews that are not sent yet, and the keys to those that were. A browser that keeps
// nothing (storage may be closed, or full) keeps it for as long as the page is open.

const unkept = new Map();

function read(key, otherwise) {
  try {
    return JSON.parse(unkept.get(key) ?? localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function write(key, value) {
  try {
    if (value == null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
    unkept.delete(key);
  } catch {
    unkept.set(key, JSON.stringify(value ?? null));
  }
}

/** A draft for each product, and one while none is chosen: {rating, text, author, photos: [{name, object}]}. */
export const drafts = {
  get: (product) => read(`draft:${product}`, null),
  set: (product, draft) => write(`draft:${product}`, draft),
};

// A list of things, each known by one of its fields.
const list = (name, id) => ({
  all: () => read(name, []),
  find: (key) => read(name, []).find((one) => one[id] === key),
  put(one) {
    write(name, [...read(name, []).filter((other) => other[id] !== one[id]), one]);
  },
  drop(key) {
    const rest = read(name, []).filter((one) => one[id] !== key);
    write(name, rest.length ? rest : null);
  },
});

/** Reviews on their way: {key, body, product, title, at, refused}. */
export const outbox = list('outbox', 'key');

/** Reviews that were accepted: {id, product, title, token, at, rating, text, author, photos: [object], key: of the outbox}. */
export const mine = list('mine', 'id');

/** Reviews that were found helpful: {id}. */
export const voted = list('voted', 'id');
