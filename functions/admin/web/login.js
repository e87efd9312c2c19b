// Logs an operator in: the authorization code flow with PKCE, as a public client (RFC 7636). The token is kept for as
// long as the tab is open, and nowhere else.

const { authorize, token: tokenURL, client, scope } = document.documentElement.dataset;
const store = sessionStorage;
const home = () => location.origin + location.pathname;

// possible tells whether the issuer was there when the page was made.
export const possible = Boolean(authorize);

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

// begin sends the browser to the issuer.
export async function begin() {
  const attempt = { state: random(), nonce: random(), verifier: random(), view: location.hash };
  store.setItem("attempt", JSON.stringify(attempt));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt.verifier));
  const to = new URL(authorize);
  for (const [name, value] of Object.entries({
    response_type: "code", client_id: client, redirect_uri: home(), scope, state: attempt.state, nonce: attempt.nonce,
    code_challenge: base64url(new Uint8Array(digest)), code_challenge_method: "S256",
  })) to.searchParams.set(name, value);
  location.assign(to);
}

// finish takes the code that the issuer sent the browser back with, if it did. It returns whether that went well.
export async function finish() {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("code") && !answer.has("error")) return true;
  const attempt = JSON.parse(store.getItem("attempt") ?? "{}");
  store.removeItem("attempt");
  history.replaceState(null, "", home() + (attempt.view ?? "")); // so that neither a reload nor the history has the code
  if (!answer.has("code") || !attempt.state || answer.get("state") !== attempt.state) return false;
  try {
    const response = await fetch(tokenURL, {
      method: "POST", credentials: "omit", referrerPolicy: "no-referrer",
      body: new URLSearchParams({
        grant_type: "authorization_code", code: answer.get("code"), redirect_uri: home(), client_id: client, code_verifier: attempt.verifier,
      }),
    });
    if (!response.ok) return false;
    const { id_token: token } = await response.json();
    if (claims(token).nonce !== attempt.nonce) return false;
    store.setItem("token", token);
    return true;
  } catch {
    return false;
  }
}

// claims reads a token, which the API checks.
const claims = (token) => {
  const bytes = Uint8Array.from(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
};

export const token = () => store.getItem("token");
export const forget = () => store.removeItem("token");
