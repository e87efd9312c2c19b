// Verdicts on several reviews at once. They wait ten seconds, in which the operator can undo them, and survive a reload.

import { call } from "./api.js";
import { announce, el } from "./dom.js";
import * as drafts from "./drafts.js";
import { number, t } from "./words.js";

const undoTime = 10_000; // milliseconds
const parallel = 4; // requests at once

let waiting = null; // { verdict, reason, reviews: [{ product, id, revision }], timer }
const notice = el("div", { id: "undo", className: "toast", role: "status", hidden: true });
document.body.append(notice);

// cardOf returns the card of a review, if the page shows it.
const cardOf = (id) => document.querySelector(`article[data-id="${CSS.escape(id)}"]`);

// mark shows on the cards whether a verdict waits for them.
function mark(reviews, isWaiting) {
  for (const { id } of reviews) {
    const card = cardOf(id);
    if (!card) continue;
    card.classList.toggle("waiting", isWaiting);
    card.inert = isWaiting;
  }
}

// markWaiting marks cards that the page has just drawn.
export const markWaiting = () => { if (waiting) mark(waiting.reviews, true); };

// decide sends a verdict on reviews after undoTime. Earlier verdicts that wait are sent at once.
export function decide(verdict, reason, reviews, replace) {
  if (waiting) send(replace);
  waiting = { verdict, reason, reviews };
  drafts.put("bulk", waiting);
  waiting.timer = setTimeout(() => send(replace), undoTime);
  mark(reviews, true);
  const text = t(`bulk_${verdict}`, number(reviews.length));
  const undo = el("button", { type: "button", className: "quiet", onclick: () => cancel(true) }, t("undo"));
  notice.replaceChildren(el("p", {}, text), undo);
  notice.hidden = false;
  undo.focus();
}

// resume waits again for verdicts that a reload interrupted.
export function resume(replace) {
  const stored = drafts.get("bulk");
  if (stored && !waiting) decide(stored.verdict, stored.reason, stored.reviews, replace);
}

// cancel drops the verdicts that wait. The page says so if the operator asked for it.
export function cancel(isUndo) {
  if (!waiting) return;
  clearTimeout(waiting.timer);
  mark(waiting.reviews, false);
  const first = cardOf(waiting.reviews[0].id)?.querySelector("h2");
  waiting = null;
  drafts.remove("bulk");
  notice.hidden = true;
  if (!isUndo) return;
  announce(t("undone"));
  first?.focus();
}

// send sends the verdicts that wait. replace shows the changed review, or the error, in place of its card.
async function send(replace) {
  const { verdict, reason, reviews, timer } = waiting;
  clearTimeout(timer);
  waiting = null;
  drafts.remove("bulk");
  const hadFocus = notice.contains(document.activeElement);
  notice.replaceChildren(el("p", {}, t("loading")));
  const left = [...reviews];
  let failed = 0;
  await Promise.all(Array.from({ length: parallel }, async () => {
    for (let r = left.shift(); r; r = left.shift()) {
      let [now, error] = [null, null];
      try {
        now = await call("POST", `/reviews/${r.product}/${r.id}/decision`, { verdict, reason, revision: r.revision });
      } catch (e) {
        [failed, error] = [failed + 1, e];
      }
      const card = cardOf(r.id);
      mark([r], false);
      if (card) replace(card, r, now, error);
    }
  }));
  const text = failed > 0 ? t("bulkFailed", number(reviews.length - failed), number(failed)) : t("bulkDone", number(reviews.length));
  announce(text);
  if (waiting) return; // a later choice shows its own notice
  const close = el("button", { type: "button", className: "quiet", onclick: () => { notice.hidden = true; } }, t("close"));
  notice.replaceChildren(el("p", {}, text), close);
  if (hadFocus) close.focus();
}
