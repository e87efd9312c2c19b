// Login with the authorization code flow and PKCE (RFC 7636), as a public client of the issuer. sessionStorage keeps the token
// until the tab is closed.

const { authorize, token: tokenURL, client, scope } = document.documentElement.dataset;
const store = sessionStorage;
const redirectURI = () => location.origin + location.pathname;

// available reports whether the issuer was available when the server rendered the page.
export const available = Boolean(authorize);

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const randomString = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

// begin navigates to the issuer. It stores the secrets of the attempt, which finish checks.
export async function begin() {
  const attempt = { state: randomString(), nonce: randomString(), verifier: randomString(), view: location.hash };
  store.setItem("attempt", JSON.stringify(attempt));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt.verifier));
  const target = new URL(authorize);
  for (const [name, value] of Object.entries({
    response_type: "code", client_id: client, redirect_uri: redirectURI(), scope, state: attempt.state, nonce: attempt.nonce,
    code_challenge: base64url(new Uint8Array(digest)), code_challenge_method: "S256",
  })) target.searchParams.set(name, value);
  location.assign(target);
}

// finish exchanges the authorization code in the URL for a token. It returns false if the login failed, and true if it
// succeeded or the URL has no response of the issuer.
export async function finish() {
  const response = new URLSearchParams(location.search);
  if (!response.has("code") && !response.has("error")) return true;
  const attempt = JSON.parse(store.getItem("attempt") ?? "{}");
  store.removeItem("attempt");
  history.replaceState(null, "", redirectURI() + (attempt.view ?? "")); // removes the code from the history
  if (!response.has("code") || !attempt.state || response.get("state") !== attempt.state) return false;
  try {
    const tokenResponse = await fetch(tokenURL, {
      method: "POST", credentials: "omit", referrerPolicy: "no-referrer",
      body: new URLSearchParams({
        grant_type: "authorization_code", code: response.get("code"), redirect_uri: redirectURI(), client_id: client, code_verifier: attempt.verifier,
      }),
    });
    if (!tokenResponse.ok) return false;
    const { id_token: token } = await tokenResponse.json();
    if (claims(token).nonce !== attempt.nonce) return false;
    store.setItem("token", token);
    return true;
  } catch {
    return false;
  }
}

// claims decodes the payload of a token. It does not verify the signature; the API does.
const claims = (token) => {
  const bytes = Uint8Array.from(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
};

export const token = () => store.getItem("token");
export const clearToken = () => store.removeItem("token");
