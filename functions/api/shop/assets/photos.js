// Photos go to storage as soon as they are chosen, so that posting the review does not wait for them.

import { send } from './api.js';
import { announce, h, t } from './page.js';

const MAX = 6;
const MAX_BYTES = 15_000_000;
const TYPES = ['image/jpeg', 'image/png', 'image/webp'];

/** The picker of a form. changed is called when there are other photos than before. */
export function photoPicker(changed) {
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
      changed();
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
      item.object = await sendPhoto(file, (share) => { progress.value = share; }, item.abort.signal);
      item.node.dataset.object = item.object;
      announce(t('photo_sent', { name: item.name }));
      changed();
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
    /** Adds what can be added of some files, and returns what is wrong with the others. */
    add(files) {
      input.value = '';
      const fits = (file) => TYPES.includes(file.type) && file.size > 0 && file.size <= MAX_BYTES;
      const good = files.filter(fits);
      const bad = files.find((file) => !fits(file));
      const room = MAX - items.length;
      for (const file of good.slice(0, room)) {
        const item = { name: file.name, object: '' };
        add(item, URL.createObjectURL(file));
        upload(item, file);
      }
      return bad ? t('photo_kind', { name: bad.name }) : good.length > room ? t('photo_many') : '';
    },
    /** Shows photos that were sent before: [{name, object, preview}]. */
    restore(photos = []) {
      for (const { name, object, preview } of photos) add({ name, object }, preview);
    },
    sent: () => items.filter((item) => item.object).map(({ name, object }) => ({ name, object })),
    trouble() {
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

// Sends a photo with leave of the API, and returns its name. fetch tells no progress of what it sends.
async function sendPhoto(file, onProgress, signal) {
  const { object, upload } = await send('POST', '/v1/photos', JSON.stringify({ content_type: file.type }));
  signal.throwIfAborted();
  const form = new FormData();
  for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
  form.append('file', file); // last: what follows it is not looked at
  await new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open('POST', upload.url);
    sending.upload.addEventListener('progress', (event) => onProgress(event.loaded / event.total));
    sending.addEventListener('load', () => (sending.status >= 200 && sending.status < 300 ? resolve() : reject(new Error(`upload: ${sending.status}`))));
    for (const event of ['error', 'abort']) sending.addEventListener(event, () => reject(new Error(`upload: ${event}`)));
    signal.addEventListener('abort', () => sending.abort());
    sending.send(form);
  });
  return object;
}
