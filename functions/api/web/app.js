// The whole front end of the shop: two routes over the /v1 API.
// Data from the API or the visitor only ever becomes text nodes, never markup.

const DEFAULT_PRODUCT = 'butter-cream-peaches';
const MAX_TEXT = 5000;
const MAX_AUTHOR = 80;
const MAX_PHOTOS = 6;
const MAX_PHOTO_BYTES = 15_000_000;
const PHOTO_TYPES = ['image/jpeg', 'image/png', 'image/webp'];
const GIVE_UP_AFTER_MS = 120_000;

// Each text in English and in Korean.
const TEXTS = {
  shop: ['BTS Goods', 'BTS 굿즈'],
  skip: ['Skip to content', '본문으로 건너뛰기'],
  footer: ['The covers are drawn for this page; the opinions belong to the fans who wrote them.',
    '커버 그림은 이 페이지를 위해 그렸고, 의견은 리뷰를 쓴 팬들의 것입니다.'],
  heroTitle: ['Goods worth keeping, reviewed by fans', '오래 간직할 굿즈, 팬이 직접 쓴 리뷰'],
  heroText: ['Albums, photobooks and everyday things. Pick one, read what others felt, add your stars.',
    '앨범과 포토북, 일상 속 굿즈까지. 하나를 골라 다른 팬의 마음을 읽고 별점을 남겨 주세요.'],
  filter: ['Show by kind', '종류별로 보기'],
  kinds: [
    { all: 'All', album: 'Albums', photobook: 'Photobooks', clothing: 'Clothing', household: 'Home', video: 'Videos' },
    { all: '전체', album: '앨범', photobook: '포토북', clothing: '의류', household: '생활용품', video: '영상' },
  ],
  noProducts: ['Nothing on the shelves yet.', '아직 진열된 상품이 없습니다.'],
  loading: ['Loading…', '불러오는 중…'],
  failed: ['This part could not be loaded.', '이 부분을 불러오지 못했습니다.'],
  retry: ['Try again', '다시 시도'],
  missingTitle: ['We could not find that', '찾을 수 없는 페이지입니다'],
  missingText: ['The link may be old, or the product may have left the shop.', '오래된 링크이거나 더 이상 판매하지 않는 상품일 수 있습니다.'],
  home: ['All goods', '전체 상품'],
  released: [(date) => `Released ${date}`, (date) => `${date} 발매`],
  outOfFive: [(n) => `${n} out of 5 stars`, (n) => `별 5개 중 ${n}개`],
  unrated: ['Not rated yet', '아직 별점 없음'],
  starLabel: [(n) => (n === 1 ? '1 star' : `${n} stars`), (n) => `별 ${n}개`],
  ratings: ['Ratings', '평점'],
  countSuffix: [(n) => (n === 1 ? ' review' : ' reviews'), () => '개의 리뷰'],
  noReviews: ['No reviews yet. Yours could be the first.', '아직 리뷰가 없습니다. 첫 리뷰를 남겨 주세요.'],
  meanSentiment: ['How the texts feel overall', '리뷰 글의 전반적인 느낌'],
  positive: ['Positive', '긍정적'],
  neutral: ['Neutral', '중립적'],
  negative: ['Negative', '부정적'],
  unscored: ['No sentiment score for this text', '감정 점수가 없는 글입니다'],
  starsOnly: ['Stars only, no text', '글 없이 별점만 남긴 리뷰'],
  formTitle: ['Write a review', '리뷰 쓰기'],
  ratingLegend: ['Your rating', '별점'],
  textLabel: ['Your review (optional)', '리뷰 내용 (선택)'],
  authorLabel: ['Name (optional)', '이름 (선택)'],
  photosLabel: [`Photos (optional, up to ${MAX_PHOTOS})`, `사진 (선택, 최대 ${MAX_PHOTOS}장)`],
  photosHint: ['JPEG, PNG or WebP, at most 15 MB each.', 'JPEG, PNG, WebP 파일, 장당 최대 15MB.'],
  addPhotos: ['Add photos', '사진 추가'],
  removePhoto: [(name) => `Remove ${name}`, (name) => `${name} 빼기`],
  photoProgress: [(name) => `Sending ${name}`, (name) => `${name} 보내는 중`],
  photoKind: [(name) => `${name} is not a JPEG, PNG or WebP of at most 15 MB.`, (name) => `${name}: 15MB 이하의 JPEG, PNG, WebP 파일만 올릴 수 있습니다.`],
  photoMany: [`At most ${MAX_PHOTOS} photos.`, `사진은 최대 ${MAX_PHOTOS}장입니다.`],
  photoFailed: [(name) => `${name} could not be sent. Please remove it and try again.`, (name) => `${name}을(를) 보내지 못했습니다. 빼고 다시 시도해 주세요.`],
  photoWait: ['Photos are still being sent.', '아직 사진을 보내는 중입니다.'],
  photoOf: [(author) => `Photo by ${author}`, (author) => `${author}님의 사진`],
  submit: ['Post review', '리뷰 등록'],
  sending: ['Sending…', '보내는 중…'],
  needRating: ['Choose from 1 to 5 stars.', '별점을 1개에서 5개까지 골라 주세요.'],
  tooLong: [(max) => `Use at most ${max} characters.`, (max) => `${max}자 이내로 써 주세요.`],
  tooLarge: ['This review is too large to send. Please shorten it.', '리뷰가 너무 커서 보낼 수 없습니다. 조금 줄여 주세요.'],
  refused: ['The review was not accepted.', '리뷰가 접수되지 않았습니다.'],
  unreachable: ['We could not confirm that your review arrived. Your text is still here. Trying again will not post it twice.',
    '리뷰가 도착했는지 확인하지 못했습니다. 쓰신 글은 그대로 있으며, 다시 시도해도 두 번 등록되지 않습니다.'],
  busy: [(seconds) => `The shop cannot take reviews right now. Your text is still here; please try again ${seconds ? `in ${seconds} s` : 'shortly'}.`,
    (seconds) => `지금은 리뷰를 받을 수 없습니다. 쓰신 글은 그대로 있으니 ${seconds ? `${seconds}초 뒤에` : '잠시 뒤에'} 다시 시도해 주세요.`],
  reviews: ['Reviews', '리뷰'],
  more: ['Show more reviews', '리뷰 더 보기'],
  anonymous: ['Anonymous', '익명'],
  status: [{ pending: 'Pending', published: 'Published', held: 'Held' }, { pending: '처리 중', published: '게시됨', held: '보류됨' }],
  pendingNote: ['Accepted. It is being read now…', '접수되었습니다. 지금 리뷰를 읽고 있어요…'],
  lateNote: ['Your review is accepted, but it is taking longer than usual. It will appear here once it is read; no need to send it again.',
    '리뷰는 접수되었지만 평소보다 오래 걸리고 있습니다. 확인이 끝나면 이곳에 표시되니 다시 보내지 않으셔도 됩니다.'],
  heldNote: ['This review is kept back and is not shown to others.', '이 리뷰는 보류되어 다른 사람에게 보이지 않습니다.'],
  saidPending: ['Review accepted and pending.', '리뷰가 접수되어 처리 중입니다.'],
  saidPublished: ['Your review is published.', '리뷰가 게시되었습니다.'],
};

const tag = navigator.languages.find((language) => /^(ko|en)\b/i.test(language)) ?? 'en';
const lang = tag.slice(0, 2).toLowerCase();
const t = Object.fromEntries(Object.entries(TEXTS).map(([key, [en, ko]]) => [key, lang === 'ko' ? ko : en]));

// ---- building nodes ----

const maker = (namespace) => (name, attributes = {}, ...children) => {
  const node = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value != null) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
};
const h = maker('http://www.w3.org/1999/xhtml');
const s = maker('http://www.w3.org/2000/svg');

// The CSP forbids style attributes; custom properties set through the CSSOM pass.
function withVars(node, vars) {
  for (const [name, value] of Object.entries(vars)) node.style.setProperty(`--${name}`, value);
  return node;
}

const unseen = (text) => h('span', { class: 'unseen' }, text);

// ---- formatting ----

const number = (n, options) => new Intl.NumberFormat(tag, options).format(n);
const average = (n) => number(n, { minimumFractionDigits: 1, maximumFractionDigits: 2 });
const signed = (n) => number(n, { signDisplay: 'exceptZero', minimumFractionDigits: 1, maximumFractionDigits: 1 });
const length = (text) => [...text.normalize('NFC').trim()].length;

function price({ price: amount, currency }) {
  const format = new Intl.NumberFormat(tag, { style: 'currency', currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

// A release date is a calendar day, so it must not shift with the visitor's time zone.
const day = (date) => new Intl.DateTimeFormat(tag, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(date));
const moment = (time) => new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(time));

// ---- talking to the API ----

class Problem extends Error {
  constructor(response, body) {
    super(body?.detail || body?.title || '');
    this.status = response.status;
    this.errors = body?.errors ?? [];
    this.retryAfter = Number(response.headers.get('Retry-After')) || 0;
  }
}

async function request(path, options) {
  const response = await fetch(path, { cache: 'no-cache', ...options });
  if (response.ok) return response.json();
  throw new Problem(response, await response.json().catch(() => null));
}

const productPath = (id, rest = '') => `/v1/products/${encodeURIComponent(id)}${rest}`;
const paged = (path, size, token) => `${path}?page_size=${size}${token ? `&page_token=${encodeURIComponent(token)}` : ''}`;

async function allProducts(signal) {
  const products = [];
  let token = '';
  do {
    const page = await request(paged('/v1/products', 100, token), { signal });
    products.push(...page.products);
    token = page.next_page_token;
  } while (token);
  return products;
}

// Plain-http origins have no randomUUID, though they do have getRandomValues.
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
}

// Fills a slot from a fetch, with loading and failed states. What the slot already
// shows stays until the answer is there, so a refresh does not flicker.
async function load(slot, signal, fetchData, paint) {
  slot.setAttribute('aria-busy', 'true');
  if (!slot.childElementCount) slot.append(h('p', { class: 'note loading' }, t.loading));
  try {
    const data = await fetchData();
    if (signal.aborted) return;
    slot.replaceChildren();
    paint(data);
  } catch (error) {
    if (signal.aborted) return;
    console.error(error);
    slot.replaceChildren(failure(() => {
      slot.replaceChildren();
      slot.tabIndex = -1;
      slot.focus();
      load(slot, signal, fetchData, paint);
    }));
  } finally {
    if (!signal.aborted) slot.removeAttribute('aria-busy');
  }
}

const failure = (retry) => h('div', { class: 'failure', role: 'alert' },
  h('p', {}, t.failed),
  h('button', { type: 'button', class: 'quiet', onclick: retry }, t.retry));

function announce(text) {
  document.getElementById('live').textContent = text;
}

// ---- shared pieces ----

function stars(value) {
  const label = value ? t.outOfFive(average(value)) : t.unrated;
  return withVars(h('span', { class: 'stars', role: 'img', 'aria-label': label }), { fill: `${value * 20}%` });
}

function sentiment(score) {
  const mood = score >= 0.25 ? 'positive' : score <= -0.25 ? 'negative' : 'neutral';
  const meter = withVars(h('span', { class: 'meter', 'aria-hidden': 'true' }), { at: `${(score + 1) * 50}%` });
  return h('span', { class: `sentiment ${mood}` }, h('span', {}, t[mood]), ' ', h('b', {}, signed(score)), meter);
}

// Layers from back to front: a class for the colour, a path for the shape.
const disc = (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0 ${r} ${r} 0 1 0-${2 * r} 0z`;
const heart = (x, y) => `M${x} ${y}l-10-10a6 6 0 0 1 10-7 6 6 0 0 1 10 7z`;
const GLYPHS = {
  album: [['deep', disc(76, 52, 27)], ['line', disc(76, 52, 19)], ['tint', disc(76, 52, 9)], ['paper', 'M22 23h56v58H22z'], ['tint', disc(50, 52, 15)]],
  photobook: [['deep', 'M18 27h84v54H18z'], ['paper', 'M60 29C50 22 34 22 22 25v50c12-3 28-3 38 4 10-7 26-7 38-4V25c-12-3-28-3-38 4z'],
    ['tint', 'M29 33c8-1 16-1 24 2v30c-8-3-16-3-24-2zM67 35c8-3 16-3 24-2v14c-8-1-16-1-24 2z'],
    ['line', 'M60 29v50M67 57c8-3 16-3 24-2M67 65c8-3 16-3 24-2']],
  clothing: [['paper', 'M46 20 22 31l8 20 10-4v37h40V47l10 4 8-20-24-11c-4 10-24 10-28 0z'],
    ['line', 'M46 20c4 10 24 10 28 0M40 47v-8M80 47v-8'], ['tint', heart(60, 68)]],
  household: [['thick', 'M77 44h8a12 12 0 0 1 0 24h-8M46 29c-4-5 4-7 0-13M62 29c-4-5 4-7 0-13'],
    ['paper', 'M31 36h48v36a11 11 0 0 1-11 11H42a11 11 0 0 1-11-11z'], ['tint', heart(55, 72)]],
  video: [['deep', 'M18 24h84v58H18z'], ['film', 'M25 31h70M25 75h70'], ['paper', 'M26 38h68v30H26z'], ['tint', 'M54 43v20l17-10z']],
};

// Hue pairs that sit well next to purple; picked by hash so a product keeps its cover.
const HUES = [[262, 320], [285, 205], [330, 25], [28, 48], [48, 345], [165, 230], [205, 275], [232, 300], [350, 285]];

const hash = (text) => [...text].reduce((sum, char) => Math.imul(sum ^ char.codePointAt(0), 16777619) >>> 0, 2166136261);

// The word people would call it by: the longest shouted one, else the longest.
function coverWord(title) {
  const words = title.match(/[\p{L}\p{N}]{2,}/gu)?.filter((word) => word !== 'BTS') ?? [];
  const shouted = words.filter((word) => /^\p{Lu}+$/u.test(word));
  const longest = (shouted.length ? shouted : words).reduce((a, b) => (b.length > a.length ? b : a), '');
  return [...longest].slice(0, 12).join('');
}

// What a picture looks like on the average, which is the first three bytes of its hash:
// https://evanw.github.io/thumbhash/.
function averageColor(thumbhash) {
  const [a, b, c] = [...atob(thumbhash ?? '')].map((char) => char.charCodeAt(0));
  const head = a | b << 8 | c << 16;
  const [l, p, q] = [(head & 63) / 63, (head >> 6 & 63) / 31.5 - 1, (head >> 12 & 63) / 31.5 - 1];
  const blue = l - 2 / 3 * p;
  const red = (3 * l - blue + q) / 2;
  return `rgb(${[red, red - q, blue].map((v) => Math.round(255 * Math.min(1, Math.max(0, v)))).join(' ')})`;
}

function photo({ sizes, thumbhash }, attributes) {
  const { url, width, height } = sizes[0];
  const img = h('img', { ...attributes, srcset: sizes.map((size) => `${size.url} ${size.width}w`).join(', '), src: url, width, height,
    loading: 'lazy', decoding: 'async' });
  img.style.backgroundColor = averageColor(thumbhash);
  return img;
}

// A product without a picture, or whose picture does not arrive, shows a drawn cover.
function cover(product, sizes) {
  const drawn = drawnCover(product);
  if (!product.picture?.sizes.length) return drawn;
  const img = photo(product.picture, { class: 'cover', alt: '', sizes });
  img.addEventListener('error', () => img.replaceWith(drawn), { once: true });
  return img;
}

function drawnCover({ id, kind, title }) {
  const seed = hash(id + title);
  const [from, to] = HUES[seed % HUES.length];
  const word = coverWord(title);
  const dots = Array.from({ length: 7 }, (_, i) => {
    const angle = Math.PI * (1.02 + i * 0.16);
    return s('path', { class: 'dot', d: disc(60 + 51 * Math.cos(angle), 62 + 51 * Math.sin(angle), 1.2 + (seed >>> (2 * i)) % 4 * 0.7) });
  });
  const layers = (GLYPHS[kind] ?? GLYPHS.album).map(([layer, d]) => s('path', { class: layer, d }));
  const art = s('svg', { class: 'cover', viewBox: '0 0 120 120', 'aria-hidden': 'true' }, ...dots, ...layers,
    s('text', { x: 60, y: 106, 'text-anchor': 'middle', textLength: length(word) > 9 ? 100 : null, lengthAdjust: 'spacingAndGlyphs' }, word));
  return withVars(art, { from, to, turn: `${seed % 180}deg` });
}

// ---- the list of products ----

let chosenKind = 'all';

function homeView(main, signal) {
  const slot = h('section', { 'aria-label': t.home });
  main.append(
    h('div', { class: 'hero' }, h('h1', { tabindex: -1 }, t.heroTitle), h('p', {}, t.heroText)),
    slot);
  arrive();
  load(slot, signal, () => allProducts(signal), (products) => paintShelves(slot, products));
}

function paintShelves(slot, products) {
  if (!products.length) return slot.append(h('p', { class: 'note' }, t.noProducts));
  const kinds = ['all', ...new Set(products.map((product) => product.kind))];
  const list = h('ul', { id: 'product-list' }, ...products.map((product) => h('li', {}, card(product))));
  const buttons = kinds.map((kind) => h('button', { type: 'button', class: 'chip', onclick: () => show(kind) }, kindName(kind)));
  const show = (kind) => {
    chosenKind = kind;
    buttons.forEach((button, i) => button.setAttribute('aria-pressed', kinds[i] === kind));
    products.forEach((product, i) => { list.children[i].hidden = kind !== 'all' && product.kind !== kind; });
  };
  show(kinds.includes(chosenKind) ? chosenKind : 'all');
  slot.append(h('div', { class: 'chips', role: 'group', 'aria-label': t.filter }, ...buttons), list);
}

const kindName = (kind) => t.kinds[kind] ?? kind;

const card = (product) => h('a', { class: 'product', 'data-product': product.id, href: `#!/review/${encodeURIComponent(product.id)}` },
  cover(product, '(min-width: 60rem) 15rem, 45vw'),
  h('span', { class: 'kind' }, kindName(product.kind)),
  h('h2', { dir: 'auto' }, product.title),
  h('span', { class: 'price' }, price(product)),
  h('span', { class: 'rated' }, stars(product.rating.average), ' ',
    product.rating.count ? `${average(product.rating.average)} ` : null,
    h('span', { class: 'muted' }, `(${number(product.rating.count)}`, unseen(t.countSuffix(product.rating.count)), ')')));

// ---- one product and its reviews ----

function reviewView(main, signal, id) {
  const fetchProduct = () => request(productPath(id), { signal })
    .catch((error) => (error.status === 404 ? null : Promise.reject(error)));
  load(main, signal, fetchProduct, (product) => (product ? paintProduct(main, signal, product) : missingView(main)));
}

function missingView(main) {
  main.append(h('div', { class: 'missing' },
    h('h1', { tabindex: -1 }, t.missingTitle), h('p', {}, t.missingText), h('a', { class: 'button', href: '#!/' }, t.home)));
  arrive();
}

function paintProduct(main, signal, product) {
  const rating = h('div', { class: 'rating' });
  const loadRating = () => load(rating, signal, () => request(productPath(product.id, '/rating'), { signal }),
    (answer) => paintRating(rating, answer));
  const reviews = h('div', { id: 'reviews' });
  const onAccepted = (draft, accepted) => followReview(reviews, draft, accepted, signal, loadRating);
  main.append(productHeader(product), h('div', { class: 'columns' },
    h('div', { class: 'side' }, panel('ratings', rating), panel('formTitle', reviewForm(product, onAccepted, signal))),
    panel('reviews', reviews, h('div', { class: 'more' }))));
  arrive();
  loadRating();
  loadReviews(reviews, product, signal, '');
}

const panel = (key, ...content) => h('section', { class: 'panel', 'aria-labelledby': `title-${key}` },
  h('h2', { id: `title-${key}` }, t[key]), ...content);

const productHeader = (product) => h('div', { class: 'headline' }, cover(product, '12rem'), h('div', {},
  h('a', { class: 'back', href: '#!/' }, `← ${t.home}`),
  h('p', { class: 'kind' }, kindName(product.kind)),
  h('h1', { tabindex: -1, dir: 'auto' }, product.title),
  h('p', { class: 'price' }, price(product)),
  product.released ? h('p', { class: 'muted' }, t.released(day(product.released))) : null));

function paintRating(slot, { count, average: mean, stars: byStar, score }) {
  const changed = slot.dataset.count && slot.dataset.count !== String(count);
  slot.dataset.count = count;
  slot.append(
    h('p', { class: changed ? 'overall changed' : 'overall' },
      h('strong', { id: 'rating-average' }, count ? average(mean) : '–'), stars(mean),
      h('span', { class: 'muted' }, h('span', { id: 'rating-count' }, number(count)), t.countSuffix(count))),
    h('ul', { class: 'histogram' }, ...[5, 4, 3, 2, 1].map((n) => histogramRow(n, byStar[n] ?? 0, count))));
  if (score != null) slot.append(h('p', { class: 'mean' }, h('span', { class: 'muted' }, t.meanSentiment), sentiment(score)));
}

const histogramRow = (n, votes, count) => h('li', {},
  h('span', { 'aria-hidden': 'true' }, `${n}★`), unseen(`${t.starLabel(n)}: `),
  withVars(h('span', { class: 'share', 'aria-hidden': 'true' }), { share: count ? votes / count : 0 }),
  h('span', { class: 'votes' }, number(votes)));

// ---- the list of reviews ----

function loadReviews(list, product, signal, token) {
  const slot = list.nextElementSibling;
  const path = paged(productPath(product.id, '/reviews'), 20, token);
  return load(slot, signal, () => request(path, { signal }), (page) => {
    // A review just written may already be on the page when its turn in the list comes.
    const fresh = page.reviews.filter((review) => !findReview(list, review.id)).map(reviewItem);
    list.append(...fresh);
    if (token) fresh[0]?.focus();
    if (page.next_page_token) slot.append(moreButton(() => loadReviews(list, product, signal, page.next_page_token)));
    else if (!list.childElementCount) slot.append(h('p', { class: 'note' }, t.noReviews));
  });
}

const moreButton = (onMore) => h('button', { type: 'button', class: 'quiet', onclick: (event) => {
  event.currentTarget.remove();
  onMore();
} }, t.more);

const findReview = (list, id) => list.querySelector(`[data-id="${CSS.escape(id)}"]`);

const reviewItem = (review) => paintReview(h('article', { class: 'review', tabindex: -1 }), review);

// Painting into the same article keeps the reader's focus when a pending review settles.
function paintReview(article, review, note) {
  const { id, status, rating, text, author, language, score } = review;
  const time = status === 'published' ? review.published_at : review.submitted_at;
  article.dataset.id = id;
  article.dataset.status = status;
  article.replaceChildren(
    h('header', {}, h('h3', { dir: 'auto' }, author || t.anonymous),
      status === 'published' && !note ? null : h('span', { class: 'badge' }, t.status[status]),
      h('span', { class: 'when' }, stars(rating), time ? h('time', { datetime: time }, moment(time)) : null)),
    h('p', { class: 'text', dir: 'auto', lang: language || null }, text),
    ...photosOf(review),
    ...reviewFoot(status, text, score),
    ...(note || status === 'held' ? [h('p', { class: 'note' }, note ?? t.heldNote)] : []));
  return article;
}

// Photos that this page sent are shown from memory until the API knows them.
const previews = new Map();

function photosOf({ photos = [], author }) {
  const alt = t.photoOf(author || t.anonymous);
  const shown = photos.map((item) => {
    if (typeof item === 'string') return previews.has(item) ? h('img', { src: previews.get(item), alt }) : null;
    return h('a', { href: item.sizes.at(-1).url, target: '_blank', rel: 'noopener' }, photo(item, { alt, sizes: '6rem' }));
  }).filter(Boolean);
  return shown.length ? [h('div', { class: 'photos' }, ...shown)] : [];
}

function reviewFoot(status, text, score) {
  if (!text) return [h('p', { class: 'muted' }, t.starsOnly)];
  if (score != null) return [h('p', { class: 'score' }, sentiment(score))];
  return status === 'published' ? [h('p', { class: 'muted' }, t.unscored)] : [];
}

// ---- after a review is accepted ----

async function followReview(list, draft, accepted, signal, refreshRating) {
  const pending = { ...draft, id: accepted.id, status: 'pending', submitted_at: new Date().toISOString() };
  const article = paintReview(findReview(list, accepted.id) ?? h('article', { class: 'review', tabindex: -1 }), pending, t.pendingNote);
  list.prepend(article);
  list.nextElementSibling.querySelector('.note:not(.loading)')?.remove();
  article.focus();
  announce(t.saidPending);
  const settled = await settle(accepted.status_url, signal);
  if (signal.aborted) return;
  const outcome = !settled ? t.lateNote : settled.status === 'published' ? t.saidPublished : t.heldNote;
  const unready = (draft.photos?.length ?? 0) > (settled?.photos?.length ?? 0);
  paintReview(article, { ...pending, ...settled, ...(unready && { photos: draft.photos }) }, outcome);
  announce(outcome);
  if (settled?.status === 'published') refreshRating();
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The review is 404 until stored. Any other failure on the way may pass too: it was
// accepted, so keep asking, ever slower, until it is no longer worth the visitor's wait.
async function settle(statusURL, signal) {
  const deadline = Date.now() + GIVE_UP_AFTER_MS;
  let asked = 0;
  for (let pause = 1000; ; pause = Math.min(pause * 1.5, 5000)) {
    const wait = Math.max(pause, asked);
    if (Date.now() + wait > deadline) return null;
    await sleep(wait);
    if (signal.aborted) return null;
    try {
      return await request(statusURL, { signal });
    } catch (error) {
      asked = (error.retryAfter ?? 0) * 1000;
    }
  }
}

// ---- the form ----

function reviewForm(product, onAccepted, signal) {
  const picker = photoPicker();
  const form = h('form', { id: 'review-form', novalidate: '' },
    h('fieldset', { id: 'rating', role: 'radiogroup', 'aria-required': 'true', 'aria-describedby': 'rating-error' },
      h('legend', {}, t.ratingLegend), h('div', { class: 'pick' }, ...[1, 2, 3, 4, 5].map(starChoice))),
    errorLine('rating'),
    h('label', { for: 'text' }, t.textLabel),
    h('textarea', { id: 'text', name: 'text', rows: 5, dir: 'auto', 'aria-describedby': 'text-count text-error' }),
    h('p', { id: 'text-count', class: 'muted' }), errorLine('text'),
    h('label', { for: 'author' }, t.authorLabel),
    h('input', { id: 'author', name: 'author', dir: 'auto', autocomplete: 'nickname', 'aria-describedby': 'author-error' }),
    errorLine('author'),
    ...picker.nodes, errorLine('photos'),
    h('div', { id: 'form-error', role: 'alert' }),
    h('button', { id: 'submit', class: 'button' }, t.submit));
  form.picker = picker;
  const attempt = { key: null, body: null };
  form.addEventListener('input', (event) => onInput(form, event.target));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit(form, product, attempt, onAccepted, signal);
  });
  count(form);
  return form;
}

const starChoice = (n) => h('label', { class: 'star' },
  h('input', { type: 'radio', id: `star-${n}`, name: 'rating', value: n }),
  h('span', { class: 'shape', 'aria-hidden': 'true' }), unseen(t.starLabel(n)));

const errorLine = (field) => h('p', { id: `${field}-error`, class: 'error' });

function onInput(form, { name, files }) {
  if (name === 'photos') {
    setFieldError(form, 'photos', form.picker.add([...files]));
    return;
  }
  setFieldError(form, name, name === 'rating' ? '' : checkLength(form, name));
  count(form);
}

function count(form) {
  form.querySelector('#text-count').textContent = `${number(length(form.elements.text.value))} / ${number(MAX_TEXT)}`;
}

function checkLength(form, name) {
  const max = name === 'text' ? MAX_TEXT : MAX_AUTHOR;
  return length(form.elements[name].value) > max ? t.tooLong(number(max)) : '';
}

function setFieldError(form, field, message) {
  form.querySelector(`#${field}-error`).textContent = message;
  const control = form.querySelector(`#${field}`);
  if (message) control.setAttribute('aria-invalid', 'true');
  else control.removeAttribute('aria-invalid');
}

function setFormError(form, message, retry) {
  const button = h('button', { type: 'button', class: 'quiet', onclick: () => form.requestSubmit() }, t.retry);
  form.querySelector('#form-error').replaceChildren(...(message ? [h('p', { dir: 'auto' }, message)] : []), ...(retry ? [button] : []));
}

function showErrors(form, messages) {
  for (const field of ['rating', 'text', 'author', 'photos']) setFieldError(form, field, messages[field] ?? '');
  setFormError(form, messages.form, messages.retry);
  const invalid = form.querySelector('[aria-invalid]');
  (invalid?.matches('fieldset') ? invalid.querySelector('input') : invalid ?? form.querySelector('#form-error button'))?.focus();
}

function readDraft(form, product) {
  const { rating, text, author } = form.elements;
  const draft = { product: product.id, rating: Number(rating.value), text: text.value, author: author.value, locale: navigator.language };
  const photos = form.picker.names();
  return photos.length ? { ...draft, photos } : draft;
}

async function submit(form, product, attempt, onAccepted, signal) {
  const draft = readDraft(form, product);
  const messages = { rating: draft.rating ? '' : t.needRating, text: checkLength(form, 'text'), author: checkLength(form, 'author'), photos: form.picker.trouble() };
  showErrors(form, messages);
  if (messages.rating || messages.text || messages.author || messages.photos) return;
  setSending(form, true);
  try {
    const accepted = await post(draft, attempt);
    if (signal.aborted) return;
    // Words typed while the review was on its way belong to the next one.
    if (JSON.stringify(readDraft(form, product)) === attempt.body) {
      form.reset();
      form.picker.reset();
    }
    Object.assign(attempt, { key: null, body: null });
    count(form);
    onAccepted(draft, accepted);
  } catch (error) {
    if (!signal.aborted) showErrors(form, explain(error));
  } finally {
    setSending(form, false);
  }
}

function setSending(form, sending) {
  const button = form.querySelector('#submit');
  button.disabled = sending;
  button.textContent = sending ? t.sending : t.submit;
}

// One key per draft: a retry of the same words is the same review to the API.
// Not tied to the route, because leaving the page must not take the review back.
function post(draft, attempt) {
  const body = JSON.stringify(draft);
  if (attempt.body !== body) Object.assign(attempt, { key: newKey(), body });
  return request('/v1/reviews', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': attempt.key },
    body,
    signal: AbortSignal.timeout?.(20_000),
  });
}

// Turns what went wrong into messages by field; what no field owns goes to the form.
function explain(error) {
  if (!(error instanceof Problem)) return { form: t.unreachable, retry: true };
  if (error.status === 503 || error.status === 429) return { form: t.busy(error.retryAfter), retry: true };
  if (error.status >= 500) return { form: t.unreachable, retry: true };
  if (error.status === 413) return { text: t.tooLarge };
  const messages = {};
  for (const { pointer, detail } of error.errors) {
    const field = /^#\/(rating|text|author)$/.exec(pointer)?.[1] ?? 'form';
    messages[field] = [messages[field], detail].filter(Boolean).join(' ');
  }
  return error.errors.length ? messages : { form: error.message || t.refused };
}

// ---- photos of a review ----

// Photos go to storage as soon as they are chosen, so that posting the review does not wait for them.
function photoPicker() {
  const items = [];
  const list = h('ul', { class: 'photos', id: 'photo-list' });
  const input = h('input', { type: 'file', id: 'photos', name: 'photos', multiple: '', accept: PHOTO_TYPES.join(), class: 'unseen',
    'aria-describedby': 'photos-hint photos-error' });
  const nodes = [
    h('p', { class: 'label' }, t.photosLabel), list,
    h('label', { for: 'photos', class: 'quiet button-like' }, t.addPhotos), input,
    h('p', { id: 'photos-hint', class: 'muted' }, t.photosHint),
  ];
  const remove = (item) => {
    item.abort.abort();
    items.splice(items.indexOf(item), 1);
    item.node.remove();
    input.focus();
  };
  const addOne = (file) => {
    const item = { file, object: '', failed: false, abort: new AbortController() };
    const preview = URL.createObjectURL(file);
    const progress = h('progress', { max: 1, value: 0, 'aria-label': t.photoProgress(file.name) });
    item.node = h('li', {}, h('img', { src: preview, alt: file.name }), progress,
      h('button', { type: 'button', class: 'remove', 'aria-label': t.removePhoto(file.name), onclick: () => remove(item) }, '×'));
    items.push(item);
    list.append(item.node);
    sendPhoto(file, (share) => { progress.value = share; }, item.abort.signal).then((object) => {
      item.object = object;
      previews.set(object, preview);
      item.node.dataset.object = object;
      progress.remove();
    }, () => {
      item.failed = true;
      item.node.classList.add('failed');
      progress.remove();
    });
  };
  return {
    nodes,
    // Adds what can be added, and returns what cannot be.
    add(files) {
      input.value = '';
      const bad = files.find((file) => !PHOTO_TYPES.includes(file.type) || file.size > MAX_PHOTO_BYTES || !file.size);
      const good = files.filter((file) => PHOTO_TYPES.includes(file.type) && file.size && file.size <= MAX_PHOTO_BYTES);
      const room = MAX_PHOTOS - items.length;
      good.slice(0, room).forEach(addOne);
      return bad ? t.photoKind(bad.name) : good.length > room ? t.photoMany : '';
    },
    names: () => items.map((item) => item.object).filter(Boolean),
    trouble() {
      const failed = items.find((item) => item.failed);
      if (failed) return t.photoFailed(failed.file.name);
      return items.some((item) => !item.object) ? t.photoWait : '';
    },
    reset() {
      items.length = 0;
      list.replaceChildren();
    },
  };
}

// Sends a photo with leave of the API, and returns its name. fetch tells no progress of what it sends.
async function sendPhoto(file, onProgress, signal) {
  const { object, upload } = await request('/v1/photos', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ content_type: file.type }), signal,
  });
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

// ---- routes ----

let page = new AbortController();
let moved = false;

function route(hash) {
  const [name, id] = hash.replace(/^#!?\/?/, '').split('/');
  if (name === '') return [homeView];
  return name === 'review' ? [reviewView, decode(id) || DEFAULT_PRODUCT] : [missingView];
}

function decode(part = '') {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// Aborting the old page's fetches is what keeps its late answers off the new one.
function navigate() {
  page.abort();
  page = new AbortController();
  document.title = t.shop;
  // A fresh main, so that nothing the old page left on it stays.
  const main = h('main', { id: 'main', tabindex: -1 });
  document.getElementById('main').replaceWith(main);
  const [view, id] = route(location.hash);
  view(main, page.signal, id);
}

// The visitor arrives when the heading is there; on the very first load the browser's own focus is right.
function arrive() {
  const heading = document.querySelector('main h1');
  document.title = `${heading.textContent} · ${t.shop}`;
  if (!moved) return;
  scrollTo(0, 0);
  heading.focus({ preventScroll: true });
}

document.documentElement.lang = lang;
for (const node of document.querySelectorAll('[data-t]')) node.textContent = t[node.dataset.t];
// The hash belongs to the router, so the skip link cannot use it.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  document.getElementById('main').focus();
});
addEventListener('hashchange', () => {
  moved = true;
  navigate();
});
navigate();
