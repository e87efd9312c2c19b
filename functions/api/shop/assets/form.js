// The form for a review, new or to be edited.

import { Problem, productPath, send } from './api.js';
import { drafts, mine, outbox } from './device.js';
import { flush } from './outbox.js';
import { announce, h, number, pathOf, stars, t } from './page.js';
import { photoPicker } from './photos.js';
import { badge, settle, stored } from './status.js';

const MAX = { text: 5000, author: 80 };
const FIELDS = ['product', 'rating', 'text', 'author', 'photos'];

const form = document.getElementById('review-form');
const fields = form.elements;
const button = document.getElementById('submit');
const editing = mine.find(new URLSearchParams(location.search).get('edit'));
const picker = photoPicker(keep);

// As the API counts: code points, in NFC, without what is around the text.
const length = (text) => [...text.normalize('NFC').trim()].length;
const chosen = () => fields.product.value;
const titleOf = () => form.dataset.title ?? fields.product.selectedOptions[0].textContent;

// ---- what the form says ----

function setError(field, message = '') {
  const line = document.getElementById(`${field}-error`);
  if (!line) return;
  line.textContent = message;
  const control = document.getElementById(field);
  if (message) control.setAttribute('aria-invalid', 'true');
  else control.removeAttribute('aria-invalid');
}

function showErrors(messages) {
  for (const field of FIELDS) setError(field, messages[field]);
  document.getElementById('form-error').replaceChildren(...(messages.form ? [h('p', { dir: 'auto' }, messages.form)] : []));
  const invalid = form.querySelector('[aria-invalid]');
  (invalid?.matches('fieldset') ? invalid.querySelector('input') : invalid)?.focus();
}

const tooLong = (name) => (length(fields[name].value) > MAX[name] ? t('too_long', { max: number(MAX[name]) }) : '');

function check() {
  const messages = {
    product: chosen() ? '' : t('need_product'), rating: fields.rating.value ? '' : t('need_rating'),
    text: tooLong('text'), author: tooLong('author'), photos: picker.trouble(),
  };
  showErrors(messages);
  return !Object.values(messages).some(Boolean);
}

const SAID = { rating: t('need_rating'), photos: t('photo_refused'), product: t('need_product') };

// Turns a refusal into messages by field; what no field owns goes to the form.
function explain(error) {
  if (error.status === 413) return { text: t('too_large') };
  const messages = {};
  for (const { pointer = '', detail } of error.errors) {
    const field = /^#\/(\w+)/.exec(pointer)?.[1];
    if (field in SAID) messages[field] = SAID[field];
    else if (field in MAX) messages[field] = t('too_long', { max: number(MAX[field]) });
    else messages.form = [messages.form, detail].filter(Boolean).join(' ');
  }
  return error.errors.length ? messages : { form: error.message || t('refused') };
}

function count() {
  document.getElementById('text-count').textContent = `${number(length(fields.text.value))} / ${number(MAX.text)}`;
}

// ---- the draft ----

const content = () => ({ rating: Number(fields.rating.value), text: fields.text.value, author: fields.author.value });

function keep() {
  if (editing) return;
  const draft = { ...content(), photos: picker.sent() };
  const empty = !draft.rating && !draft.text && !draft.author && !draft.photos.length;
  drafts.set(chosen(), empty ? null : draft);
  document.getElementById('draft-note').textContent = empty ? '' : t('draft_kept');
}

function fill({ rating, text = '', author = '', photos = [] }) {
  fields.rating.value = String(rating || '');
  fields.text.value = text;
  fields.author.value = author;
  picker.clear();
  picker.restore(photos);
  count();
}

// ---- sending ----

const body = () => {
  const photos = picker.sent().map((photo) => photo.object);
  return { ...content(), locale: navigator.language, ...(photos.length && { photos }) };
};

// It is kept before it is sent, so that neither a lost connection nor a closed page loses it.
function submit() {
  const review = JSON.stringify({ product: chosen(), ...body() });
  const kept = outbox.all().find((one) => one.body === review && !one.refused) ??
    { key: newKey(), body: review, product: chosen(), title: titleOf(), at: new Date().toISOString() };
  outbox.put(kept);
  sending(true);
  follow(kept);
  flush();
}

// Plain-http origins have no randomUUID, though they do have getRandomValues.
const newKey = () => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

function sending(now) {
  button.disabled = now;
  button.textContent = now ? t('sending') : label;
}

/** Shows what becomes of a kept review. */
function follow(kept) {
  const on = (name, act) => document.addEventListener(`review:${name}`, ({ detail }) => { if (detail.kept.key === kept.key) act(detail); });
  on('waiting', ({ error }) => show(kept, 'waiting', error instanceof Problem ? t('busy') : t('waiting')));
  on('refused', ({ error }) => {
    outbox.drop(kept.key);
    sending(false);
    form.parentElement.hidden = false;
    outcome.hidden = true;
    fields.product.value = kept.product;
    if (!fields.rating.value) fill(JSON.parse(kept.body));
    showErrors(explain(error));
    keep();
  });
  on('sent', async ({ id }) => {
    show(kept, 'pending', t('pending'));
    conclude(kept, await settle(mine.find(id) ?? { ...kept, id }));
  });
}

const outcome = document.getElementById('outcome');

function conclude(kept, review) {
  if (review) show({ ...kept, review }, review.status, t(review.status));
  else show(kept, 'pending', t('late'));
}

/** Puts the state of a review in place of the form. */
function show({ body: sent, product, review }, status, said) {
  const first = outcome.hidden;
  form.parentElement.hidden = true;
  outcome.hidden = false;
  outcome.dataset.status = status;
  const { rating, text } = { ...JSON.parse(sent), ...(review?.rating && { rating: review.rating }) };
  document.getElementById('outcome-body').replaceChildren(h('article', { class: 'review' },
    h('header', {}, badge(status), stars(rating)), text ? h('p', { class: 'text', dir: 'auto' }, text) : null, h('p', { class: 'note' }, said)));
  document.getElementById('see').href = pathOf('products', product);
  if (first) document.getElementById('outcome-title').focus();
  announce(said);
}

// ---- editing ----

let before; // what the form of an edit was filled with
const edited = () => ({ ...content(), photos: picker.sent().map((photo) => photo.object) });
const differs = (a, b) => JSON.stringify(a) !== JSON.stringify(b);

// Only what was changed is sent, so that an edit takes away nothing that the form did not have.
async function edit() {
  sending(true);
  const { id, product, token } = editing;
  const now = edited();
  const changed = Object.fromEntries(Object.entries(now).filter(([name, value]) => differs(value, before[name])));
  if ('text' in changed) changed.locale = navigator.language;
  try {
    const { edited_at: editedAt } = await send('PATCH', productPath(product, `/reviews/${id}`), JSON.stringify(changed),
      { 'Content-Type': 'application/merge-patch+json', 'Author-Token': token });
    mine.put({ ...editing, ...now });
    const kept = { body: JSON.stringify(now), product };
    show(kept, 'pending', t('saved'));
    conclude(kept, await settle(editing, editedAt));
  } catch (error) {
    sending(false);
    if (!(error instanceof Problem) || error.passes) showErrors({ form: t('edit_failed') });
    else if (error.status === 409) showErrors({ form: t('not_yet') });
    else if (error.status === 410) showErrors({ form: t('edit_gone') });
    else showErrors(explain(error));
  }
}

async function beginEdit() {
  const title = document.getElementById('form-title');
  title.textContent = title.dataset.edit;
  const photo = (object, preview) => ({ name: object.split('/').at(-1), object, preview });
  const start = (review) => {
    fill(review);
    before = edited();
  };
  const kept = (editing.photos ?? []).map((object) => photo(object));
  start({ ...editing, photos: kept });
  try {
    const review = await stored(editing);
    if (!review.rating || differs(edited(), before)) return; // what is being written is not written over
    const ready = review.photos.map(({ object, sizes }) => photo(object, sizes[0]?.url));
    const late = kept.filter(({ object }) => !ready.some((one) => one.object === object));
    start({ ...review, photos: [...ready, ...late] });
  } catch { /* what is kept here will do */ }
}

// ---- beginning ----

const label = editing ? t('save') : button.textContent;

form.addEventListener('input', ({ target }) => {
  if (target.name === 'photos') setError('photos', picker.add([...target.files]));
  else setError(target.name, target.name in MAX ? tooLong(target.name) : '');
  if (target.name === 'product') {
    const unnamed = drafts.get(''); // written before its product was chosen, and still in the form
    drafts.set('', null);
    begin(unnamed ? null : drafts.get(chosen()));
  }
  count();
  keep();
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (check()) (editing ? edit : submit)();
});

// Shows the draft of the product, and a review of it that still waits.
function begin(draft) {
  if (draft) {
    fill(draft);
    document.getElementById('draft-note').textContent = t('draft_kept');
  }
  const waiting = outbox.all().find((one) => one.product === chosen() && !one.refused);
  if (waiting) {
    follow(waiting);
    show(waiting, 'waiting', t('waiting'));
  }
}

if (editing) beginEdit();
else begin(drafts.get(chosen()));
count();
sending(false);
