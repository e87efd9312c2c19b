// Calls the operator's API.

import { forget, token } from "./login.js";
import { t } from "./words.js";

// Trouble is why a call failed: its status, 0 when there was no answer, and what to tell.
export class Trouble extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

// call returns the answer of the API as JSON.
export async function call(method, path, body) {
  let response;
  try {
    response = await fetch(`/v1/admin${path}`, {
      method, cache: "no-store", credentials: "omit",
      headers: { Authorization: `Bearer ${token()}`, ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Trouble(0, t("offline"));
  }
  if (response.status === 401) forget();
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Trouble(response.status, problem.errors?.[0]?.detail ?? problem.detail ?? problem.title ?? String(response.status));
  }
  return response.json();
}
