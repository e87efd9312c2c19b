// The admin page: moderation of reviews, dead letters, the audit, and counts by day. The hash of the URL selects the view.

import { call, readFile } from "./api.js";
import * as audit from "./audit.js";
import * as bulk from "./bulk.js";
import { bars, parts } from "./chart.js";
import { announce, confirmation, el, newID } from "./dom.js";
import * as drafts from "./drafts.js";
import * as login from "./login.js";
import { dayName, language, number, reasonText, switchLanguage, t, textOr, when } from "./words.js";

const MAX = { reason: Number(document.documentElement.dataset.maxReason), reply: Number(document.documentElement.dataset.maxReply) };
const main = document.getElementById("main");
const navigation = document.getElementById("places");

// failure returns the message about a failed call, with a button if retry is given. On 401 it shows the login instead.
function failure(e, retry) {
  if (e.status === 401) return showLogin(t("loggedOut"));
  const text = e.status === 403 ? t("forbidden") : t("failed", e.message);
  announce(text);
  return el("div", { className: "failure" }, el("p", {}, text), retry && el("button", { type: "button", className: "quiet", onclick: retry }, t("retry")));
}

// showLogin shows the login button, with a note if given. It returns "" so that failure can return its result.
function showLogin(note) {
  navigation.hidden = true;
  document.getElementById("logout").hidden = true;
  const heading = el("h1", { tabIndex: -1 }, t("welcome"));
  main.replaceChildren(el("section", { className: "missing" },
    heading, el("p", { className: "note" }, t("welcomeText")),
    note && el("p", { className: "failure", role: "alert" }, note),
    login.available ? el("button", { type: "button", id: "login", className: "button", onclick: login.begin }, t("login")) : el("p", { className: "failure" }, t("noIssuer"))));
  return "";
}

// view shows a heading, an introduction, and the elements that load returns. A failed load shows a retry button.
async function view(name, intro, load) {
  const heading = el("h1", { tabIndex: -1 }, t(name));
  const content = el("div", { className: "list", "aria-busy": "true" }, el("p", { className: "note loading" }, t("loading")));
  main.replaceChildren(heading, intro ?? "", content);
  heading.focus({ preventScroll: true });
  const fill = async () => {
    try {
      content.replaceChildren(...await load());
    } catch (e) {
      content.replaceChildren(failure(e, fill));
    }
    content.setAttribute("aria-busy", "false");
  };
  await fill();
}

// ---- Reviews ----

const filter = { status: "held", product: "", q: "", ...drafts.get("filter") };
const pollTime = 5_000; // milliseconds between looks for new reviews
let poll; // timer of the next look

function reviews() {
  const linked = new URLSearchParams(location.hash.split("?")[1]).get("q"); // a link of the audit
  if (linked) {
    Object.assign(filter, { product: "", q: linked });
    window.history.replaceState(null, "", "#reviews");
  }
  const [status, product, query] = [newID(), newID(), newID()];
  const list = el("div", { className: "list", id: "review-list" });
  const counts = el("p", { className: "note", id: "counts" });
  const form = el("form", { className: "filter", onsubmit: (e) => { e.preventDefault(); choose(); } },
    el("div", {}, el("label", { for: status }, t("status")),
      el("select", { id: status, name: "status", onchange: () => choose() },
        ...["held", "rejected", "published"].map((s) => el("option", { value: s, selected: s === filter.status }, t(s))))),
    el("div", {}, el("label", { for: product }, t("product")),
      el("input", { id: product, name: "product", value: filter.product, placeholder: t("everyProduct"), pattern: "[a-z0-9\\-]{0,64}", autocomplete: "off" })),
    el("div", {}, el("label", { for: query }, t("search")),
      el("input", { id: query, name: "q", type: "search", value: filter.q, placeholder: t("searchHint"), maxLength: 200, autocomplete: "off" })),
    el("button", { className: "quiet" }, t("show")));
  const choose = () => {
    if (!form.reportValidity()) return;
    for (const name of ["status", "product", "q"]) filter[name] = form.elements[name].value.trim();
    drafts.put("filter", filter);
    fill();
  };
  let latest = 0; // number of the latest request; earlier responses are dropped
  const fill = async () => {
    const request = ++latest;
    list.setAttribute("aria-busy", "true");
    list.replaceChildren(el("p", { className: "note loading" }, t("loading")));
    let found;
    try {
      found = [bulkForm(), ...await reviewPage("")];
    } catch (e) {
      found = [failure(e, fill)];
    }
    if (request !== latest) return;
    list.replaceChildren(...found);
    list.setAttribute("aria-busy", "false");
    bulk.markWaiting();
    announce(t("shown", list.querySelectorAll(".review").length));
    look(request);
  };
  // look updates the counts and adds reviews that arrived since, and then waits for the next look.
  const look = async (request) => {
    clearTimeout(poll);
    if (request !== latest || !list.isConnected) return;
    try {
      if (document.visibilityState === "visible") {
        const { held, rejected } = await call("GET", "/counts");
        const page = await call("GET", `/reviews?${new URLSearchParams(filter)}`);
        if (request !== latest || !list.isConnected) return;
        counts.textContent = t("counts", number(held), number(rejected));
        addArrived(list, page.reviews);
      }
    } catch (e) {
      if (e.status === 401) return void failure(e);
    }
    poll = setTimeout(() => look(request), pollTime);
  };
  return view("reviews", el("div", { className: "intro" }, form, counts), async () => {
    fill();
    return [list];
  });
}

// addArrived adds reviews that the list lacks at its start, in their order. It leaves the others as they are, because the
// operator may be typing in one.
function addArrived(list, found) {
  const shown = new Set([...list.querySelectorAll(".review")].map((card) => card.dataset.id));
  const arrived = found.filter((r) => !shown.has(r.id));
  if (arrived.length === 0) return;
  list.querySelector(".empty")?.remove();
  list.querySelector(".bulk").after(...arrived.map(reviewCard));
  bulk.markWaiting();
  announce(t("arrived", number(arrived.length)));
}

// bulkForm returns the form of verdicts on the chosen reviews.
function bulkForm() {
  const [reason, error] = [newID(), newID()];
  const chosen = () => [...document.querySelectorAll(".review .choose:checked")].map((box) => box.closest(".review"));
  const all = el("input", {
    type: "checkbox", className: "all",
    onchange: () => { for (const box of document.querySelectorAll(".review:not(.waiting) .choose")) box.checked = all.checked; },
  });
  const decideOn = (verdict) => {
    const cards = chosen();
    const why = form.elements.reason.value.trim();
    const missing = verdict !== "publish" && (why === "" || [...why].length > MAX.reason);
    form.querySelector(".error").textContent = cards.length === 0 ? t("chooseReviews") : missing ? t("needReason", MAX.reason) : "";
    form.elements.reason.setAttribute("aria-invalid", String(cards.length > 0 && missing));
    if (cards.length === 0) return announce(t("chooseReviews"));
    if (missing) return form.elements.reason.focus();
    for (const card of cards) card.querySelector(".choose").checked = false;
    all.checked = false;
    form.elements.reason.value = "";
    return bulk.decide(verdict, why, cards.map((card) => ({ product: card.dataset.product, id: card.dataset.id, revision: Number(card.dataset.revision) })), showDecided);
  };
  const form = el("form", { className: "bulk decide panel", "aria-label": t("bulk"), onsubmit: (e) => {
    e.preventDefault();
    form.querySelector(".error").textContent = t("chooseVerdict");
    announce(t("chooseVerdict"));
  } },
  el("div", {}, el("label", { className: "check" }, all, t("chooseAll")),
    el("label", { for: reason }, t("bulkReason")),
    el("input", { id: reason, name: "reason", autocomplete: "off", "aria-describedby": error })),
  el("div", { className: "buttons" }, ...verdictsOf(filter.status).map((v) =>
    el("button", { type: "button", value: v, className: v === "publish" ? "button" : "quiet", onclick: () => decideOn(v) }, t(v)))),
  el("p", { id: error, className: "error" }));
  return form;
}

// verdictsOf returns the verdicts that change a review with a status.
const verdictsOf = (status) => ({ held: ["publish", "reject"], rejected: ["publish", "hold"], published: ["hold", "reject"] })[status];

// showDecided replaces a card after a verdict on several reviews. now is the review after it, null after an error.
async function showDecided(card, review, now, error) {
  const hadFocus = card.contains(document.activeElement);
  let next;
  try {
    now ??= await call("GET", `/reviews/${review.product}/${review.id}`);
    next = reviewCard(now);
  } catch (e) {
    next = el("p", { className: "failure", tabIndex: -1 }, e.status === 410 || e.status === 404 ? t("eraseGone") : t("failed", e.message));
  }
  const text = error?.status === 409 ? t("stale") : error ? t("failed", error.message) : t("bulkDone", number(1));
  next.querySelector?.(".result")?.append(el("p", { className: error ? "failure" : "done" }, text));
  card.replaceWith(next);
  if (hadFocus) (next.querySelector("h2") ?? next).focus();
}

// reviewPage returns the cards of one page of the list, and a button that loads the next page.
async function reviewPage(pageToken) {
  const found = await call("GET", `/reviews?${new URLSearchParams({ ...filter, page_token: pageToken })}`);
  const cards = found.reviews.map(reviewCard);
  if (!found.next_page_token) return !pageToken && cards.length === 0 ? [el("p", { className: "note empty" }, t("noReviews"))] : cards;
  const more = el("button", {
    type: "button", className: "quiet more",
    onclick: async () => {
      try {
        const next = await reviewPage(found.next_page_token);
        more.replaceWith(...next);
        next[0]?.querySelector("h2")?.focus();
        bulk.markWaiting();
      } catch (e) {
        more.after(failure(e));
      }
    },
  }, t("more"));
  return [...cards, more];
}

// PHOTO_CACHE is the time in seconds for which caches may keep a photo after its review is hidden.
const PHOTO_CACHE = Number(document.documentElement.dataset.photoCache);

// photoItem returns a photo of a review: a preview that opens the photo in a dialog. The API reads photos with the token of
// the operator, because the public addresses show photos of published reviews only.
function photoItem(name, text) {
  const load = async (img, preset) => {
    try {
      const url = URL.createObjectURL(await readFile(`/photos/${name.split("/").at(-1)}?p=${preset}`));
      img.onload = img.onerror = () => URL.revokeObjectURL(url);
      img.src = url;
    } catch (e) {
      img.replaceWith(el("span", { className: "note" }, e.status === 404 ? t("noPhoto") : t("failed", e.message)));
    }
  };
  const title = newID();
  const large = el("dialog", { className: "large", "aria-labelledby": title, onclose: () => large.replaceChildren() });
  const open = () => {
    const img = el("img", { alt: text });
    large.replaceChildren(el("h3", { id: title }, text), img, el("button", { type: "button", className: "quiet", onclick: () => large.close() }, t("close")));
    large.showModal();
    load(img, "zoom");
  };
  const preview = el("img", { alt: text, width: 96, height: 96 });
  load(preview, "thumb");
  return el("li", {}, el("button", { type: "button", className: "plain", "aria-haspopup": "dialog", onclick: open }, preview), large);
}

// reviewCard returns the card of a review with the forms for decisions and the reply.
function reviewCard(r) {
  const path = `/reviews/${r.product}/${r.id}`;
  const root = el("article", { className: "review panel", "data-status": r.status, "data-id": r.id, "data-product": r.product, "data-revision": r.revision });
  const title = newID();
  root.setAttribute("aria-labelledby", title);
  const result = el("div", { className: "result" });

  // change sends a change and replaces the card by one of the changed review. A review that is still the same shows that the
  // change is on its way. A conflict shows the edited review.
  const change = async (button, doneText, method, subpath, body) => {
    button.disabled = true;
    try {
      const now = await call(method, path + subpath, body);
      drafts.remove(`${subpath === "/reply" ? "reply" : "reason"}:${r.id}`);
      const next = reviewCard(now);
      const text = now.revision === r.revision && JSON.stringify(now) === JSON.stringify(r) ? t("soon") : doneText;
      next.querySelector(".result").append(el("p", { className: "done" }, text));
      root.replaceWith(next);
      next.querySelector("h2").focus();
      announce(text);
    } catch (e) {
      button.disabled = false;
      if (e.status === 409) {
        const next = reviewCard(await call("GET", path));
        next.querySelector(".result").append(el("p", { className: "failure" }, t("stale")));
        root.replaceWith(next);
        next.querySelector("h2").focus();
        announce(t("stale"));
        return;
      }
      result.replaceChildren(failure(e));
    }
  };

  // erase replaces the card by a message. An erased review has no content to show.
  const erase = async (button) => {
    button.disabled = true;
    let text;
    try {
      text = (await call("DELETE", path)).status === "erased" ? t("erased") : t("eraseSoon");
    } catch (e) {
      confirm.close();
      button.disabled = false;
      if (e.status !== 404 && e.status !== 410) return result.replaceChildren(failure(e));
      text = t("eraseGone");
    }
    confirm.close();
    const done = el("p", { className: "done", tabIndex: -1 }, text);
    root.replaceWith(done);
    done.focus();
    announce(text);
  };
  const confirm = confirmation(t("eraseTitle"), t("eraseText"), t("cancel"), t("erase"), erase);

  const [reason, reasonError, reply, replyError, replyHint] = [newID(), newID(), newID(), newID(), newID()];
  const [replyDraft, reasonDraft] = [`reply:${r.id}`, `reason:${r.id}`];
  // decideOn sends the verdict of a button. The form has no submit button: Enter in the reason decides nothing.
  const decideOn = (verdict, button) => {
    const why = decide.elements.reason.value.trim();
    const missing = verdict !== "publish" && (why === "" || [...why].length > MAX.reason);
    decide.querySelector(".error").textContent = missing ? t("needReason", MAX.reason) : "";
    decide.elements.reason.setAttribute("aria-invalid", String(missing));
    if (missing) return decide.elements.reason.focus();
    return change(button, t(`done_${verdict}`), "POST", "/decision", { verdict, reason: why, revision: r.revision });
  };
  const decide = el("form", { className: "decide", onsubmit: (e) => {
    e.preventDefault();
    decide.querySelector(".error").textContent = t("chooseVerdict");
    announce(t("chooseVerdict"));
  } },
  el("div", {}, el("label", { for: reason }, t("reason")),
    drafts.keep(el("input", { id: reason, name: "reason", value: drafts.get(reasonDraft) ?? "", autocomplete: "off", "aria-describedby": reasonError }), reasonDraft)),
  el("div", { className: "buttons" }, ...verdictsOf(r.status).map((v) =>
    el("button", { type: "button", value: v, className: v === "publish" ? "button" : "quiet", onclick: (e) => decideOn(v, e.currentTarget) }, t(v)))),
  el("p", { id: reasonError, className: "error" }));

  const replyForm = el("form", { onsubmit: (e) => {
    e.preventDefault();
    const text = replyForm.elements.text.value.trim();
    const missing = text === "" || [...text].length > MAX.reply;
    replyForm.querySelector(".error").textContent = missing ? t("needReply", MAX.reply) : "";
    replyForm.elements.text.setAttribute("aria-invalid", String(missing));
    if (missing) return replyForm.elements.text.focus();
    return change(e.submitter, t("replied"), "PUT", "/reply", { text, revision: r.revision });
  } },
  el("label", { for: reply, className: "unseen" }, t("reply")), el("p", { id: replyHint, className: "muted" }, t("replyHint")),
  r.reply?.before_edit ? el("p", { className: "why" }, t("replyBeforeEdit")) : "",
  drafts.keep(el("textarea", { id: reply, name: "text", rows: 3, value: drafts.get(replyDraft) ?? r.reply?.text ?? "", "aria-describedby": `${replyHint} ${replyError}` }), replyDraft),
  el("p", { id: replyError, className: "error" }),
  el("div", { className: "buttons" }, el("button", { className: "quiet" }, t("saveReply")),
    r.reply && el("button", { type: "button", className: "quiet", onclick: (e) => change(e.currentTarget, t("unreplied"), "DELETE", "/reply") }, t("removeReply"))));

  root.append(
    el("header", {},
      el("label", { className: "check" }, el("input", { type: "checkbox", className: "choose" }), el("span", { className: "unseen" }, t("choose", r.author || t("anonymous")))),
      el("h2", { id: title, tabIndex: -1 },
        el("span", { className: "stars", "aria-hidden": "true" }, "★".repeat(r.rating) + "☆".repeat(5 - r.rating)),
        el("span", { className: "unseen" }, `${t("stars", r.rating)}, `),
        el("span", {}, r.author ? t("by", r.author) : t("anonymous"))),
      el("span", { className: "badge" }, t(r.status)),
      el("a", { href: `/${language}/products/${r.product}` }, r.product)),
    r.reason == null ? "" : el("p", { className: "why" }, el("strong", {}, `${t("why")}: `), reasonText(r.reason_code, r.reason)),
    r.reports > 0 ? el("p", { className: "why reports" }, t("reports", number(r.reports))) : "",
    r.text ? el("p", { className: "text", lang: r.language ?? "" }, r.text) : el("p", { className: "note" }, t("noText")),
    r.photos.length === 0 ? "" : el("ul", { className: "photos" }, ...r.photos.map((name, i) => photoItem(name, t("photo", i + 1)))),
    r.photos.length === 0 ? "" : el("p", { className: "muted" }, t("photoCache", PHOTO_CACHE)),
    el("p", { className: "muted" }, [
      t("submitted", when(r.submitted_at)), r.edited_at && t("edited", when(r.edited_at)), r.held_at && t("heldSince", when(r.held_at)),
      r.score != null && t("score", number(r.score, { signDisplay: "exceptZero", maximumFractionDigits: 2 }), r.scored_by),
    ].filter(Boolean).join(" · ")),
    historyOf(r),
    result, decide, el("details", { className: "reply", open: Boolean(r.reply ?? drafts.get(replyDraft)) }, el("summary", {}, t("reply")), replyForm),
    el("button", { type: "button", className: "danger erase", "aria-haspopup": "dialog", onclick: () => confirm.showModal() }, t("erase")), confirm);
  return root;
}

// historyOf returns the history of a review. It shows the decisions, and reads the operators of the decisions when it is opened.
function historyOf(r) {
  const items = el("ul", {}, ...r.decisions.map((d) => el("li", {}, audit.decision(d))));
  return el("details", { className: "history", ontoggle: async (e) => {
    if (!e.currentTarget.open) return;
    try {
      items.replaceChildren(...await audit.history(r));
    } catch (error) {
      items.replaceChildren(el("li", {}, failure(error)));
    }
  } }, el("summary", {}, t("history")), items);
}

// ---- Dead letters ----

function deadLetters() {
  return view("deadLetters", el("p", { className: "note" }, t("deadLettersText")), async () => {
    const found = await call("GET", "/dead-letters");
    const refresh = el("button", { type: "button", className: "quiet", onclick: deadLetters }, t("refresh"));
    if (found.dead_letters.length === 0) return [el("p", { className: "note" }, t("noDeadLetters")), refresh];
    const queues = Map.groupBy(found.dead_letters, (l) => l.queue);
    return [
      ...[...queues].map(([name, letters]) => queuePanel(name, letters.length, found.more)),
      el("div", { className: "list" }, ...found.dead_letters.map(deadLetterCard)), found.more ? el("p", { className: "note" }, t("moreDeadLetters")) : "", refresh,
    ];
  });
}

// queuePanel returns the actions on all dead letters of a queue. The list shows count of them, or more exist.
function queuePanel(name, count, more) {
  const title = newID();
  const result = el("p", { className: "result", tabIndex: -1 });
  // settle repeats the request until the queue is done. A letter that dies again meanwhile stays.
  const settle = async (verb, button, dialog) => {
    dialog.close();
    for (const b of panel.querySelectorAll("button")) b.disabled = true;
    let [done, kept, until, left] = [0, 0, undefined, true];
    try {
      while (left) {
        const step = await call("POST", `/queues/${name}/${verb}`, { until });
        [done, kept, until, left] = [done + step.done, step.kept, step.until, step.more];
        result.textContent = t(`${verb}Progress`, number(done));
      }
      result.textContent = [t(`${verb}Progress`, number(done)), kept > 0 && t("kept", number(kept))].filter(Boolean).join(" ");
      result.classList.add("done");
      for (const card of document.querySelectorAll(`.letter[data-queue="${CSS.escape(name)}"]`)) card.remove();
      announce(result.textContent);
      result.focus();
    } catch (e) {
      for (const b of panel.querySelectorAll("button")) b.disabled = false;
      result.replaceChildren(failure(e));
    }
  };
  const dialogs = ["replay", "discard"].map((verb) => confirmation(t(`${verb}AllTitle`), t(`${verb}AllText`, textOr(`queue_${name}`, name)), t("cancel"), t(`${verb}All`),
    (button, dialog) => settle(verb, button, dialog)));
  const panel = el("section", { className: "queue panel", "data-queue": name, "aria-labelledby": title },
    el("h2", { id: title }, `${textOr(`queue_${name}`, name)}: ${t(more ? "atLeast" : "exactly", number(count))}`),
    el("div", { className: "buttons" },
      el("button", { type: "button", className: "quiet replay-all", "aria-describedby": title, "aria-haspopup": "dialog", onclick: () => dialogs[0].showModal() }, t("replayAll")),
      el("button", { type: "button", className: "danger discard-all", "aria-describedby": title, "aria-haspopup": "dialog", onclick: () => dialogs[1].showModal() }, t("discardAll"))),
    result, ...dialogs);
  return panel;
}

function deadLetterCard(l) {
  const title = newID();
  const result = el("div", { className: "result" });
  const settle = async (verb, button) => {
    button.disabled = true;
    let text = t(`${verb}Done`);
    try {
      await call("POST", `/dead-letters/${encodeURIComponent(l.id)}/${verb}`);
    } catch (problem) {
      if (problem.status !== 404) {
        button.disabled = false;
        return result.replaceChildren(failure(problem));
      }
      text = t("goneDeadLetter");
    }
    const done = el("p", { className: "done", tabIndex: -1 }, text);
    root.classList.add("replayed");
    buttons.replaceWith(done);
    done.focus();
    announce(text);
  };
  const confirm = confirmation(t("discardTitle"), t("discardText"), t("cancel"), t("discard"), (button, dialog) => {
    dialog.close();
    settle("discard", button);
  });
  const buttons = el("div", { className: "buttons" },
    el("button", { type: "button", className: "button", onclick: (e) => settle("replay", e.currentTarget), "aria-describedby": title }, t("replay")),
    el("button", { type: "button", className: "danger discard", "aria-haspopup": "dialog", onclick: () => confirm.showModal(), "aria-describedby": title }, t("discard")));
  const root = el("article", { className: "letter panel", "data-id": l.id, "data-queue": l.queue, "aria-labelledby": title },
    el("h2", { id: title }, textOr(`queue_${l.queue}`, l.queue), ": ", el("span", { className: "why" }, l.reason)),
    el("dl", {}, ...[[t("source"), l.source], [t("died"), when(l.died_at)], [t("size"), t("bytes", number(l.size))],
      ...Object.entries(l.attributes)].flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    el("details", {}, el("summary", {}, t("body")), el("pre", { tabIndex: 0, role: "region", "aria-label": t("body") }, l.body)),
    result, buttons, confirm);
  return root;
}

// ---- Audit ----

function auditList() {
  return view("audit", el("p", { className: "note" }, t("auditText")), async () => [el("ul", { className: "list", id: "audit-list" }, ...await audit.list(failure))]);
}

// ---- Counts by day ----

function days() {
  return view("days", el("p", { className: "note" }, t("daysText")), async () => {
    const found = (await call("GET", "/days?days=30")).days;
    const sum = (part) => number(found.reduce((n, d) => n + d[part], 0));
    return [el("figure", { className: "panel" },
      el("figcaption", {}, el("p", {}, t("total", ...parts.map(sum))),
        el("ul", { className: "legend" }, ...parts.map((p) => el("li", { className: p }, t(p))))),
      bars(found)),
    el("details", { className: "panel" }, el("summary", {}, t("asTable")), el("table", {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("day")), ...parts.map((p) => el("th", { scope: "col" }, t(p))))),
      el("tbody", {}, ...found.toReversed().map((d) => el("tr", {}, el("th", { scope: "row" }, dayName(d.day, { month: "short", day: "numeric", weekday: "short" })), ...parts.map((p) => el("td", {}, number(d[p]))))))))];
  });
}

// ---- Page ----

const views = { "#reviews": reviews, "#letters": deadLetters, "#audit": auditList, "#days": days };

function applyLanguage() {
  document.documentElement.lang = language;
  document.title = t("title");
  for (const e of document.querySelectorAll("[data-t]")) e.textContent = t(e.dataset.t);
  for (const e of document.querySelectorAll("[data-label]")) e.setAttribute("aria-label", t(e.dataset.label));
  const other = document.getElementById("language");
  other.textContent = t("language");
  other.lang = language === "ko" ? "en" : "ko";
}

function showView() {
  if (!login.token()) return showLogin();
  navigation.hidden = false;
  document.getElementById("logout").hidden = false;
  const hash = location.hash.split("?")[0];
  const name = hash in views ? hash : "#reviews";
  bulk.resume(showDecided);
  for (const a of navigation.children) {
    if (a.hash === name) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  return views[name]();
}

document.getElementById("language").addEventListener("click", () => {
  switchLanguage();
  applyLanguage();
  showView();
  document.getElementById("language").focus();
});
document.getElementById("logout").addEventListener("click", () => {
  login.clearToken();
  bulk.cancel(false);
  drafts.clear();
  Object.assign(filter, { status: "held", product: "", q: "" });
  showLogin();
  main.querySelector("h1").focus();
});
document.querySelector(".skip").addEventListener("click", (e) => { // following the link would change the hash, which selects the view
  e.preventDefault();
  main.focus();
});
addEventListener("hashchange", showView);

applyLanguage();
if (await login.finish()) showView();
else showLogin(t("loginFailed"));
