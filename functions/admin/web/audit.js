// The actions of operators: on the card of a review, and as a list.

import { call } from "./api.js";
import { el } from "./dom.js";
import { t, textOr, when } from "./words.js";

// line returns an entry as a sentence.
const line = (e) => [
  when(e.at), e.operator || t("unknownOperator"), textOr(`action_${e.action}`, e.action),
  e.before === e.after ? t("noEffect") : t("transition", textOr(`state_${e.before}`, e.before), textOr(`state_${e.after}`, e.after)),
  e.reason && `“${e.reason}”`,
].filter(Boolean).join(" · ");

// read returns a page of entries: those of a review, or all without one.
async function read(review, pageToken = "") {
  const query = new URLSearchParams({ page_token: pageToken, ...(review && { product: review.product, review: review.id }) });
  return call("GET", `/audit?${query}`);
}

// history returns the items of a review's history: the entries, and the decisions from before the audit, newest first.
export async function history(review) {
  const { entries } = await read(review);
  const known = new Set(entries.map((e) => Date.parse(e.at)));
  const before = review.decisions.filter((d) => !known.has(Date.parse(d.at)));
  const items = [...entries.map((e) => el("li", {}, line(e))), ...before.toReversed().map((d) => el("li", {}, decision(d)))];
  return items.length > 0 ? items : [el("li", {}, t("noAudit"))];
}

// decision returns a decision of a review as a sentence.
export const decision = (d) => (d.reason ? t("decided", t(d.verdict), when(d.at), d.reason) : t("decidedNoReason", t(d.verdict), when(d.at)));

// list returns the elements of a page of the list, and a button that loads the next page. failed shows a failed load.
export async function list(failed, pageToken = "") {
  const found = await read(null, pageToken);
  const items = found.entries.map((e) => el("li", { className: "panel", "data-action": e.action },
    el("p", {}, line(e)),
    e.review
      ? el("p", { className: "muted" }, el("a", { href: `#reviews?q=${e.review}` }, t("auditReview", e.product, e.review)))
      : el("p", { className: "muted" }, t("auditLetter", e.letter))));
  if (items.length === 0) return [el("li", { className: "note" }, t("noAudit"))];
  if (!found.next_page_token) return items;
  const more = el("li", {}, el("button", {
    type: "button", className: "quiet more",
    onclick: async () => {
      try {
        more.replaceWith(...await list(failed, found.next_page_token));
      } catch (e) {
        more.append(failed(e));
      }
    },
  }, t("more")));
  return [...items, more];
}
