// Client of the API below /v1/admin.

import { clearToken, token } from "./login.js";
import { t } from "./words.js";

// CallError is a failed call. status is the HTTP status, or 0 without a response; message is for the operator.
export class CallError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

// call sends a request with the token of the operator and returns the decoded JSON. It throws a CallError on failure.
export const call = async (method, path, body) => (await send(method, path, body)).json();

// readFile reads a file with the token of the operator and returns it as a Blob. It throws a CallError on failure.
export const readFile = async (path) => (await send("GET", path)).blob();

// send sends a request with the token of the operator and returns the response. It throws a CallError on failure.
async function send(method, path, body) {
  let response;
  try {
    response = await fetch(`/v1/admin${path}`, {
      method, cache: "no-store", credentials: "omit",
      headers: { Authorization: `Bearer ${token()}`, ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new CallError(0, t("offline"));
  }
  if (response.status === 401) clearToken();
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new CallError(response.status, problem.errors?.[0]?.detail ?? problem.detail ?? problem.title ?? String(response.status));
  }
  return response;
}
