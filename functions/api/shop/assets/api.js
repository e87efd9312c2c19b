// Client of the web API.

/** An error response of the API (RFC 9457). retryAfter is in seconds; 0 without the header. */
export class Problem extends Error {
  constructor(response, body) {
    super(body?.detail || body?.title || '');
    this.status = response.status;
    this.errors = body?.errors ?? [];
    this.retryAfter = Number(response.headers.get('Retry-After')) || 0;
  }

  /** Whether a retry of the same request may succeed. */
  get transient() {
    return this.status >= 500 || [408, 425, 429].includes(this.status);
  }
}

/** Sends a request and returns the decoded JSON. Throws a Problem for an error response. */
export async function request(path, options) {
  const response = await fetch(path, { cache: 'no-cache', ...options });
  if (response.ok) return response.json();
  throw new Problem(response, await response.json().catch(() => null));
}

/** Sends a JSON body, as request does, with a timeout of 20 s. */
export const send = (method, path, body, headers = {}) => request(path, {
  method, body, headers: { 'Content-Type': 'application/json', ...headers }, signal: AbortSignal.timeout(20_000),
});

/** The path of a product in the API, with an escaped ID. */
export const productPath = (product, rest = '') => `/v1/products/${encodeURIComponent(product)}${rest}`;
