// The web API, and what it refuses.

export class Problem extends Error {
  constructor(response, body) {
    super(body?.detail || body?.title || '');
    this.status = response.status;
    this.errors = body?.errors ?? [];
    this.retryAfter = Number(response.headers.get('Retry-After')) || 0;
  }

  /** Whether the same request may be taken later. */
  get passes() {
    return this.status >= 500 || [408, 425, 429].includes(this.status);
  }
}

export async function request(path, options) {
  const response = await fetch(path, { cache: 'no-cache', ...options });
  if (response.ok) return response.json();
  throw new Problem(response, await response.json().catch(() => null));
}

export const send = (method, path, body, headers = {}) => request(path, {
  method, body, headers: { 'Content-Type': 'application/json', ...headers }, signal: AbortSignal.timeout(20_000),
});

export const productPath = (product, rest = '') => `/v1/products/${encodeURIComponent(product)}${rest}`;
