// The photo picker of the form. It uploads photos as soon as they are chosen, so posting the review does not wait for them.

import { send } from './api.js';
import { announce, h, number, t } from './page.js';

const TYPES = ['image/jpeg', 'image/png', 'image/webp'];

/** Returns the picker for at most max photos of maxBytes each. It calls onChange after each change of the uploaded photos. */
export function photoPicker(onChange, max, maxBytes) {
  const items = [];
  const list = document.getElementById('photo-list');
  const input = document.getElementById('photos');

  function add(item, preview) {
    const picture = preview ? h('img', { src: preview, alt: item.name }) : h('span', { class: 'plain' }, item.name);
    const remove = h('button', { type: 'button', class: 'remove', 'aria-label': t('photo_remove', { name: item.name }) });
    remove.addEventListener('click', () => {
      item.abort?.abort();
      items.splice(items.indexOf(item), 1);
      item.node.remove();
      input.focus();
      onChange();
    });
    item.node = h('li', { 'data-object': item.object || null }, picture, remove);
    items.push(item);
    list.append(item.node);
  }

  async function upload(item, file) {
    const progress = h('progress', { max: 1, value: 0, 'aria-label': t('photo_progress', { name: item.name }) });
    item.failed = false;
    item.abort = new AbortController();
    item.node.classList.remove('failed');
    item.node.append(progress);
    try {
      item.object = await sendPhoto(file, (fraction) => { progress.value = fraction; }, item.abort.signal);
      item.node.dataset.object = item.object;
      announce(t('photo_sent', { name: item.name }));
      onChange();
    } catch {
      item.failed = true;
      item.node.classList.add('failed');
      const again = h('button', { type: 'button', class: 'quiet small' }, t('photo_again'));
      again.addEventListener('click', () => {
        again.remove();
        upload(item, file);
      });
      if (!item.abort.signal.aborted) item.node.append(again);
    } finally {
      progress.remove();
    }
  }

  return {
    /** Adds the valid files and returns a message about the first invalid or surplus file, or "". */
    add(files) {
      input.value = '';
      const fits = (file) => TYPES.includes(file.type) && file.size > 0 && file.size <= maxBytes;
      const valid = files.filter(fits);
      const invalid = files.find((file) => !fits(file));
      const room = max - items.length;
      for (const file of valid.slice(0, room)) {
        const item = { name: file.name, object: '' };
        add(item, URL.createObjectURL(file));
        upload(item, file);
      }
      return invalid ? t('photo_kind', { name: invalid.name, megabytes: number(maxBytes / 1e6) }) : valid.length > room ? t('photo_many', { max: number(max) }) : '';
    },
    /** Shows photos that were uploaded before: [{name, object, preview}]. */
    restore(photos = []) {
      for (const { name, object, preview } of photos) add({ name, object }, preview);
    },
    /** The uploaded photos: [{name, object}]. */
    sent: () => items.filter((item) => item.object).map(({ name, object }) => ({ name, object })),
    /** The message that prevents posting, or "". */
    problem() {
      const failed = items.find((item) => item.failed);
      if (failed) return t('photo_failed', { name: failed.name });
      return items.some((item) => !item.object) ? t('photo_wait') : '';
    },
    clear() {
      items.length = 0;
      list.replaceChildren();
    },
  };
}

// Uploads a photo to the signed form that the API returns, and returns the object name. fetch reports no upload progress, so
// this uses XMLHttpRequest.
async function sendPhoto(file, onProgress, signal) {
  const { object, upload } = await send('POST', '/v1/photos', JSON.stringify({ content_type: file.type }));
  signal.throwIfAborted();
  const form = new FormData();
  for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
  form.append('file', file); // must be last: Cloud Storage ignores fields after the file
  await new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open('POST', upload.url);
    xhr.upload.addEventListener('progress', (event) => onProgress(event.loaded / event.total));
    xhr.addEventListener('load', () => (xhr.status >= 200 && xhr.status < 300 ? resolve() : reject(new Error(`upload: ${xhr.status}`))));
    for (const event of ['error', 'abort']) xhr.addEventListener(event, () => reject(new Error(`upload: ${event}`)));
    signal.addEventListener('abort', () => xhr.abort());
    xhr.send(form);
  });
  return object;
}
