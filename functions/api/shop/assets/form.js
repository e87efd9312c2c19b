// The form of a new review, or with the query parameter edit of an existing one.

import { Problem, productPath, send } from './api.js';
import { drafts, mine, outbox } from './device.js';
import { flush } from './outbox.js';
import { announce, h, number, pathOf, stars, t } from './page.js';
import { photoPicker } from './photos.js';
import { badge, photoTexts, readReview, settle, settlePhotos, statusText } from './status.js';

const FIELDS = ['product', 'rating', 'text', 'author', 'photos'];

const form = document.getElementById('review-form');
const MAX = { text: Number(form.dataset.maxText), author: Number(form.dataset.maxAuthor) };
const fields = form.elements;
const button = document.getElementById('submit');
const editing = mine.find(new URLSearchParams(location.search).get('edit'));
const picker = photoPicker(saveDraft, Number(form.dataset.maxPhotos), Number(form.dataset.maxPhotoBytes));

// The length that the API counts: code points in NFC, without surrounding white space.
const length = (text) => [...text.normalize('NFC').trim()].length;
const productID = () => fields.product.value;
const titleOf = () => form.dataset.title ?? fields.product.selectedOptions[0].textContent;

// ---- messages ----

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

function validate() {
  const messages = {
    product: productID() ? '' : t('need_product'), rating: fields.rating.value ? '' : t('need_rating'),
    text: tooLong('text'), author: tooLong('author'), photos: picker.problem(),
  };
  showErrors(messages);
  return !Object.values(messages).some(Boolean);
}

const FIELD_MESSAGES = { rating: t('need_rating'), photos: t('photo_refused'), product: t('need_product') };

// Returns the messages of a Problem by field. Errors of no field of the form get the key "form".
function messagesOf(error) {
  if (error.status === 413) return { text: t('too_large') };
  const messages = {};
  for (const { pointer = '', detail } of error.errors) {
    const field = /^#\/(\w+)/.exec(pointer)?.[1];
    if (field in FIELD_MESSAGES) messages[field] = FIELD_MESSAGES[field];
    else if (field in MAX) messages[field] = tooLong(field) || (field === 'author' ? t('name_reserved') : t('too_long', { max: number(MAX[field]) }));
    else messages.form = [messages.form, detail].filter(Boolean).join(' ');
  }
  return error.errors.length ? messages : { form: error.message || t('refused') };
}

function showLength() {
  document.getElementById('text-count').textContent = `${number(length(fields.text.value))} / ${number(MAX.text)}`;
}

// ---- drafts ----

const content = () => ({ rating: Number(fields.rating.value), text: fields.text.value, author: fields.author.value });

function saveDraft() {
  if (editing) return;
  const draft = { ...content(), photos: picker.sent() };
  const empty = !draft.rating && !draft.text && !draft.author && !draft.photos.length;
  drafts.set(productID(), empty ? null : draft);
  document.getElementById('draft-note').textContent = empty ? '' : t('draft_saved');
}

function fill({ rating, text = '', author = '', photos = [] }) {
  fields.rating.value = String(rating || '');
  fields.text.value = text;
  fields.author.value = author;
  picker.clear();
  picker.restore(photos);
  showLength();
}

// ---- sending ----

const body = () => {
  const photos = picker.sent().map((photo) => photo.object);
  return { ...content(), locale: navigator.language, ...(photos.length && { photos }) };
};

// Stores the review in the outbox before sending it, so a lost connection or a closed page does not lose it. A second click
// finds the stored review and its key, so it creates no second review.
function submit() {
  const review = JSON.stringify({ product: productID(), ...body() });
  const entry = outbox.all().find((one) => one.body === review && !one.refused) ??
    { key: newKey(), body: review, product: productID(), title: titleOf(), at: new Date().toISOString() };
  outbox.put(entry);
  setSending(true);
  follow(entry);
  flush();
}

// Origins without TLS lack randomUUID but have getRandomValues.
const newKey = () => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

function setSending(on) {
  button.disabled = on;
  button.textContent = on ? t('sending') : label;
}

/** Shows the progress of a review in the outbox, by the events of outbox.js. */
function follow(entry) {
  const on = (name, act) => document.addEventListener(`review:${name}`, ({ detail }) => { if (detail.entry.key === entry.key) act(detail); });
  on('waiting', ({ error }) => show(entry, 'waiting', error instanceof Problem ? t('busy') : t('waiting')));
  on('refused', ({ error }) => {
    outbox.remove(entry.key);
    setSending(false);
    form.parentElement.hidden = false;
    outcome.hidden = true;
    fields.product.value = entry.product;
    if (!fields.rating.value) fill(JSON.parse(entry.body));
    showErrors(messagesOf(error));
    saveDraft();
  });
  on('sent', async ({ id }) => {
    show(entry, 'pending', t('pending'));
    const one = mine.find(id) ?? { ...entry, id };
    conclude(entry, one, await settle(one));
  });
}

const outcome = document.getElementById('outcome');

// Shows the final status of a review, or that it takes long if review is null. Then it shows which photos the review lacks.
async function conclude(entry, one, review) {
  if (!review) return show(entry, 'pending', t('delayed'));
  show({ ...entry, review }, review.status, statusText(review));
  const now = await settlePhotos(one, review, JSON.parse(entry.body).photos?.length ?? 0);
  const missing = photoTexts(now);
  if (missing.length) show({ ...entry, review: now }, now.status, [statusText(now), ...missing].join(' '));
}

/** Replaces the form by the review, its status and a message. */
function show({ body: sent, product, review }, status, message) {
  const first = outcome.hidden;
  form.parentElement.hidden = true;
  outcome.hidden = false;
  outcome.dataset.status = status;
  const { rating, text } = { ...JSON.parse(sent), ...(review?.rating && { rating: review.rating }) };
  document.getElementById('outcome-body').replaceChildren(h('article', { class: 'review' },
    h('header', {}, badge(status), stars(rating)), text ? h('p', { class: 'text', dir: 'auto' }, text) : null, h('p', { class: 'note' }, message)));
  document.getElementById('see').href = pathOf('products', product);
  if (first) document.getElementById('outcome-title').focus();
  announce(message);
}

// ---- editing ----

let original; // content of the form before the edit
const formContent = () => ({ ...content(), photos: picker.sent().map((photo) => photo.object) });
const differs = (a, b) => JSON.stringify(a) !== JSON.stringify(b);

// Sends the changed fields only, so an edit keeps fields that the form could not load.
async function saveEdit() {
  setSending(true);
  const { id, product, token } = editing;
  const now = formContent();
  const changed = Object.fromEntries(Object.entries(now).filter(([name, value]) => differs(value, original[name])));
  if ('text' in changed) changed.locale = navigator.language;
  try {
    const { edited_at: editedAt } = await send('PATCH', productPath(product, `/reviews/${id}`), JSON.stringify(changed),
      { 'Content-Type': 'application/merge-patch+json', 'Author-Token': token });
    mine.put({ ...editing, ...now });
    const entry = { body: JSON.stringify(now), product };
    show(entry, 'pending', t('saved'));
    conclude(entry, editing, await settle(editing, editedAt));
  } catch (error) {
    setSending(false);
    if (!(error instanceof Problem) || error.transient) showErrors({ form: t('edit_failed') });
    else if (error.status === 409) showErrors({ form: t('still_pending') });
    else if (error.status === 410) showErrors({ form: t('edit_gone') });
    else showErrors(messagesOf(error));
  }
}

async function beginEdit() {
  const title = document.getElementById('form-title');
  title.textContent = title.dataset.edit;
  const photo = (object, preview) => ({ name: object.split('/').at(-1), object, preview });
  const start = (review) => {
    fill(review);
    original = formContent();
  };
  const stored = (editing.photos ?? []).map((object) => photo(object));
  start({ ...editing, photos: stored });
  try {
    const review = await readReview(editing);
    if (!review.rating || differs(formContent(), original)) return; // keep changes that the shopper has made meanwhile
    const visible = review.status === 'published'; // photos of other reviews have no public address
    const ready = review.photos.map(({ object, sizes }) => photo(object, visible ? sizes[0]?.url : undefined));
    const pending = stored.filter(({ object }) => !ready.some((one) => one.object === object));
    start({ ...review, photos: [...ready, ...pending] });
  } catch { /* the form keeps the content stored in this browser */ }
}

// ---- start ----

const label = editing ? t('save') : button.textContent;

form.addEventListener('input', ({ target }) => {
  if (target.name === 'photos') setError('photos', picker.add([...target.files]));
  else setError(target.name, target.name in MAX ? tooLong(target.name) : '');
  if (target.name === 'product') {
    const unassigned = drafts.get(''); // written before a product was chosen; still in the form
    drafts.set('', null);
    begin(unassigned ? null : drafts.get(productID()));
  }
  showLength();
  saveDraft();
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (validate()) (editing ? saveEdit : submit)();
});

// Fills the form with a draft, unless null, and shows a review of the product that waits in the outbox.
function begin(draft) {
  if (draft) {
    fill(draft);
    document.getElementById('draft-note').textContent = t('draft_saved');
  }
  const waiting = outbox.all().find((one) => one.product === productID() && !one.refused);
  if (waiting) {
    follow(waiting);
    show(waiting, 'waiting', t('waiting'));
  }
}

if (editing) beginEdit();
else begin(drafts.get(productID()));
showLength();
setSending(false);
