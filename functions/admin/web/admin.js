// The admin page: moderation of reviews, dead letters, and counts by day. The hash of the URL selects the view.

import { call, readFile } from "./api.js";
import { bars, parts } from "./chart.js";
import * as login from "./login.js";
import { dayName, language, number, reasonText, switchLanguage, t, when } from "./words.js";

const MAX = { reason: Number(document.documentElement.dataset.maxReason), reply: Number(document.documentElement.dataset.maxReply) };
const main = document.getElementById("main");
const navigation = document.getElementById("places");
const live = document.getElementById("live");

// el returns an element. Properties with a dash, role and for become attributes; on… become listeners; undefined is skipped.
function el(tag, properties = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role" || name === "for") e.setAttribute(name, value);
    else e[name] = value;
  }
  e.append(...children.filter((c) => c != null));
  return e;
}

// announce makes screen readers read a text. Clearing the region first makes them read an equal text again.
function announce(text) {
  live.textContent = "";
  setTimeout(() => { live.textContent = text; }, 50);
}

let ids = 0;
const newID = () => `id${++ids}`;

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

const filter = { status: "held", product: "" };

function reviews() {
  const [status, product] = [newID(), newID()];
  const list = el("div", { className: "list", id: "review-list" });
  const form = el("form", { className: "filter", onsubmit: (e) => { e.preventDefault(); choose(); } },
    el("div", {}, el("label", { for: status }, t("status")),
      el("select", { id: status, name: "status", onchange: () => choose() },
        ...["held", "rejected", "published"].map((s) => el("option", { value: s, selected: s === filter.status }, t(s))))),
    el("div", {}, el("label", { for: product }, t("product")),
      el("input", { id: product, name: "product", value: filter.product, placeholder: t("everyProduct"), pattern: "[a-z0-9\\-]{0,64}", autocomplete: "off" })),
    el("button", { className: "quiet" }, t("show")));
  const choose = () => {
    if (!form.reportValidity()) return;
    filter.status = form.elements.status.value;
    filter.product = form.elements.product.value;
    fill();
  };
  let latest = 0; // number of the latest request; earlier responses are dropped
  const fill = async () => {
    const request = ++latest;
    list.setAttribute("aria-busy", "true");
    list.replaceChildren(el("p", { className: "note loading" }, t("loading")));
    let found;
    try {
      found = await reviewPage("");
    } catch (e) {
      found = [failure(e, fill)];
    }
    if (request !== latest) return;
    list.replaceChildren(...found);
    list.setAttribute("aria-busy", "false");
    announce(t("shown", list.querySelectorAll(".review").length));
  };
  return view("reviews", form, async () => {
    fill();
    return [list];
  });
}

// reviewPage returns the cards of one page of the list, and a button that loads the next page.
async function reviewPage(pageToken) {
  const query = new URLSearchParams({ status: filter.status, product: filter.product, page_token: pageToken });
  const found = await call("GET", `/reviews?${query}`);
  if (!pageToken && found.reviews.length === 0) return [el("p", { className: "note" }, t("noReviews"))];
  const cards = found.reviews.map(reviewCard);
  if (!found.next_page_token) return cards;
  const more = el("button", {
    type: "button", className: "quiet more",
    onclick: async () => {
      try {
        const next = await reviewPage(found.next_page_token);
        more.replaceWith(...next);
        next[0].querySelector("h2")?.focus();
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
  const root = el("article", { className: "review panel", "data-status": r.status, "data-id": r.id });
  const title = newID();
  root.setAttribute("aria-labelledby", title);
  const result = el("div", { className: "result" });

  // change sends a change and replaces the card by one of the changed review. A review that is still the same shows that the
  // change is on its way. A conflict shows the edited review.
  const change = async (button, doneText, method, subpath, body) => {
    button.disabled = true;
    try {
      const now = await call(method, path + subpath, body);
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
  const [confirmTitle, confirmText] = [newID(), newID()];
  const confirm = el("dialog", { className: "confirm", "aria-labelledby": confirmTitle, "aria-describedby": confirmText },
    el("h3", { id: confirmTitle }, t("eraseTitle")), el("p", { id: confirmText }, t("eraseText")),
    el("div", { className: "buttons" },
      el("button", { type: "button", className: "quiet cancel", autofocus: true, onclick: () => confirm.close() }, t("cancel")),
      el("button", { type: "button", className: "danger confirmed", onclick: (e) => erase(e.currentTarget) }, t("erase"))));

  const [reason, reasonError, reply, replyError, replyHint] = [newID(), newID(), newID(), newID(), newID()];
  const verdicts = { held: ["publish", "reject"], rejected: ["publish", "hold"], published: ["hold", "reject"] }[r.status];
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
    el("input", { id: reason, name: "reason", autocomplete: "off", "aria-describedby": reasonError })),
  el("div", { className: "buttons" }, ...verdicts.map((v) =>
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
  el("textarea", { id: reply, name: "text", rows: 3, value: r.reply?.text ?? "", "aria-describedby": `${replyHint} ${replyError}` }),
  el("p", { id: replyError, className: "error" }),
  el("div", { className: "buttons" }, el("button", { className: "quiet" }, t("saveReply")),
    r.reply && el("button", { type: "button", className: "quiet", onclick: (e) => change(e.currentTarget, t("unreplied"), "DELETE", "/reply") }, t("removeReply"))));

  root.append(
    el("header", {},
      el("h2", { id: title, tabIndex: -1 },
        el("span", { className: "stars", "aria-hidden": "true" }, "★".repeat(r.rating) + "☆".repeat(5 - r.rating)),
        el("span", { className: "unseen" }, `${t("stars", r.rating)}, `),
        el("span", {}, r.author ? t("by", r.author) : t("anonymous"))),
      el("span", { className: "badge" }, t(r.status)),
      el("a", { href: `/${language}/products/${r.product}` }, r.product)),
    r.reason == null ? "" : el("p", { className: "why" }, el("strong", {}, `${t("why")}: `), reasonText(r.reason_code, r.reason)),
    r.text ? el("p", { className: "text", lang: r.language ?? "" }, r.text) : el("p", { className: "note" }, t("noText")),
    r.photos.length === 0 ? "" : el("ul", { className: "photos" }, ...r.photos.map((name, i) => photoItem(name, t("photo", i + 1)))),
    r.photos.length === 0 ? "" : el("p", { className: "muted" }, t("photoCache", PHOTO_CACHE)),
    el("p", { className: "muted" }, [
      t("submitted", when(r.submitted_at)), r.edited_at && t("edited", when(r.edited_at)), r.held_at && t("heldSince", when(r.held_at)),
      r.score != null && t("score", number(r.score, { signDisplay: "exceptZero", maximumFractionDigits: 2 }), r.scored_by),
    ].filter(Boolean).join(" · ")),
    r.decisions.length === 0 ? "" : el("details", {}, el("summary", {}, t("history")), el("ul", {}, ...r.decisions.map((d) =>
      el("li", {}, d.reason ? t("decided", t(d.verdict), when(d.at), d.reason) : t("decidedNoReason", t(d.verdict), when(d.at)))))),
    result, decide, el("details", { className: "reply", open: Boolean(r.reply) }, el("summary", {}, t("reply")), replyForm),
    el("button", { type: "button", className: "danger erase", "aria-haspopup": "dialog", onclick: () => confirm.showModal() }, t("erase")), confirm);
  return root;
}

// ---- Dead letters ----

function deadLetters() {
  return view("deadLetters", el("p", { className: "note" }, t("deadLettersText")), async () => {
    const found = await call("GET", "/dead-letters");
    const refresh = el("button", { type: "button", className: "quiet", onclick: deadLetters }, t("refresh"));
    if (found.dead_letters.length === 0) return [el("p", { className: "note" }, t("noDeadLetters")), refresh];
    return [el("div", { className: "list" }, ...found.dead_letters.map(deadLetterCard)), found.more ? el("p", { className: "note" }, t("moreDeadLetters")) : "", refresh];
  });
}

function deadLetterCard(l) {
  const title = newID();
  const result = el("div", { className: "result" });
  const replay = async (e) => {
    const button = e.currentTarget;
    button.disabled = true;
    let text = t("replayed");
    try {
      await call("POST", `/dead-letters/${encodeURIComponent(l.id)}/replay`);
    } catch (problem) {
      if (problem.status !== 404) {
        button.disabled = false;
        return result.replaceChildren(failure(problem));
      }
      text = t("goneDeadLetter");
    }
    const done = el("p", { className: "done", tabIndex: -1 }, text);
    root.classList.add("replayed");
    button.replaceWith(done);
    done.focus();
    announce(text);
  };
  const root = el("article", { className: "letter panel", "data-id": l.id, "aria-labelledby": title },
    el("h2", { id: title }, t(`queue_${l.queue}`), ": ", el("span", { className: "why" }, l.reason)),
    el("dl", {}, ...[[t("source"), l.source], [t("died"), when(l.died_at)], [t("size"), t("bytes", number(l.size))],
      ...Object.entries(l.attributes)].flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    el("details", {}, el("summary", {}, t("body")), el("pre", { tabIndex: 0, role: "region", "aria-label": t("body") }, l.body)),
    result, el("button", { type: "button", className: "button", onclick: replay, "aria-describedby": title }, t("replay")));
  return root;
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

const views = { "#reviews": reviews, "#letters": deadLetters, "#days": days };

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
  const name = location.hash in views ? location.hash : "#reviews";
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
