// The operator's page: what is not shown and why, what could not be handled, and counts by day.

import { call } from "./api.js";
import { bars, parts } from "./chart.js";
import * as login from "./login.js";
import { dayName, language, number, reasonText, switchLanguage, t, when } from "./words.js";

const main = document.getElementById("main");
const places = document.getElementById("places");
const live = document.getElementById("live");

// el returns an element; of its properties those with a dash, and role, are attributes, and on… are listeners.
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

// say has a screen reader read something that is seen anyway.
function say(text) {
  live.textContent = "";
  setTimeout(() => { live.textContent = text; }, 50);
}

let ids = 0;
const newID = () => `id${++ids}`;

// trouble returns what tells of a failed call; a caller who is not logged in any more is asked to do so.
function trouble(e, again) {
  if (e.status === 401) return welcome(t("loggedOut"));
  const text = e.status === 403 ? t("forbidden") : t("failed", e.message);
  say(text);
  return el("div", { className: "failure" }, el("p", {}, text), again && el("button", { type: "button", className: "quiet", onclick: again }, t("again")));
}

// welcome shows the way in.
function welcome(note) {
  places.hidden = true;
  document.getElementById("logout").hidden = true;
  const heading = el("h1", { tabIndex: -1 }, t("welcome"));
  main.replaceChildren(el("section", { className: "missing" },
    heading, el("p", { className: "note" }, t("welcomeText")),
    note && el("p", { className: "failure", role: "alert" }, note),
    login.possible ? el("button", { type: "button", id: "login", className: "button", onclick: login.begin }, t("login")) : el("p", { className: "failure" }, t("noIssuer"))));
  return "";
}

// view puts a view into the page: its heading, then what load returns.
async function view(name, intro, load) {
  const heading = el("h1", { tabIndex: -1 }, t(name));
  const room = el("div", { className: "list", "aria-busy": "true" }, el("p", { className: "note loading" }, t("loading")));
  main.replaceChildren(heading, intro ?? "", room);
  heading.focus({ preventScroll: true });
  const fill = async () => {
    try {
      room.replaceChildren(...await load());
    } catch (e) {
      room.replaceChildren(trouble(e, fill));
    }
    room.setAttribute("aria-busy", "false");
  };
  await fill();
}

// Reviews.

const shown = { status: "held", product: "" };

function reviews() {
  const [status, product] = [newID(), newID()];
  const list = el("div", { className: "list", id: "review-list" });
  const form = el("form", { className: "filter", onsubmit: (e) => { e.preventDefault(); choose(); } },
    el("div", {}, el("label", { for: status }, t("status")),
      el("select", { id: status, name: "status", onchange: () => choose() },
        ...["held", "rejected", "published"].map((s) => el("option", { value: s, selected: s === shown.status }, t(s))))),
    el("div", {}, el("label", { for: product }, t("product")),
      el("input", { id: product, name: "product", value: shown.product, placeholder: t("everyProduct"), pattern: "[a-z0-9\\-]{0,64}", autocomplete: "off" })),
    el("button", { className: "quiet" }, t("show")));
  const choose = () => {
    if (!form.reportValidity()) return;
    shown.status = form.elements.status.value;
    shown.product = form.elements.product.value;
    fill();
  };
  let turn = 0; // an answer that comes after that of a later question is of no use
  const fill = async () => {
    const mine = ++turn;
    list.setAttribute("aria-busy", "true");
    list.replaceChildren(el("p", { className: "note loading" }, t("loading")));
    let found;
    try {
      found = await page("");
    } catch (e) {
      found = [trouble(e, fill)];
    }
    if (mine !== turn) return;
    list.replaceChildren(...found);
    list.setAttribute("aria-busy", "false");
    say(t("shown", list.querySelectorAll(".review").length));
  };
  return view("reviews", form, async () => {
    fill();
    return [list];
  });
}

// page returns a page of the list of reviews as cards, and the button for the next one.
async function page(after) {
  const query = new URLSearchParams({ status: shown.status, product: shown.product, page_token: after });
  const found = await call("GET", `/reviews?${query}`);
  if (!after && found.reviews.length === 0) return [el("p", { className: "note" }, t("noReviews"))];
  const cards = found.reviews.map(card);
  if (!found.next_page_token) return cards;
  const more = el("button", {
    type: "button", className: "quiet more",
    onclick: async () => {
      try {
        const next = await page(found.next_page_token);
        more.replaceWith(...next);
        next[0].querySelector("h2")?.focus();
      } catch (e) {
        more.after(trouble(e));
      }
    },
  }, t("more"));
  return [...cards, more];
}

// card shows a review, with what an operator may do about it.
function card(r) {
  const path = `/reviews/${r.product}/${r.id}`;
  const root = el("article", { className: "review panel", "data-status": r.status, "data-id": r.id });
  const title = newID();
  root.setAttribute("aria-labelledby", title);
  const result = el("div", { className: "result" });

  // act calls the API and shows the review as it stands then.
  const act = async (button, told, method, to, body) => {
    button.disabled = true;
    try {
      const now = await call(method, path + to, body);
      const next = card(now);
      const text = now.revision === r.revision && JSON.stringify(now) === JSON.stringify(r) ? t("soon") : told;
      next.querySelector(".result").append(el("p", { className: "done" }, text));
      root.replaceWith(next);
      next.querySelector("h2").focus();
      say(text);
    } catch (e) {
      button.disabled = false;
      if (e.status === 409) {
        const next = card(await call("GET", path));
        next.querySelector(".result").append(el("p", { className: "failure" }, t("stale")));
        root.replaceWith(next);
        next.querySelector("h2").focus();
        say(t("stale"));
        return;
      }
      result.replaceChildren(trouble(e));
    }
  };

  const [reason, reasonError, reply, replyError, replyHint] = [newID(), newID(), newID(), newID(), newID()];
  const verdicts = { held: ["publish", "reject"], rejected: ["publish", "hold"], published: ["hold", "reject"] }[r.status];
  const decide = el("form", { className: "decide", onsubmit: (e) => {
    e.preventDefault();
    const verdict = e.submitter?.value ?? verdicts[0];
    const why = decide.elements.reason.value.trim();
    const missing = verdict !== "publish" && (why === "" || [...why].length > 200);
    decide.querySelector(".error").textContent = missing ? t("needReason") : "";
    decide.elements.reason.setAttribute("aria-invalid", String(missing));
    if (missing) return decide.elements.reason.focus();
    return act(e.submitter, t(`done_${verdict}`), "POST", "/decision", { verdict, reason: why, revision: r.revision });
  } },
  el("div", {}, el("label", { for: reason }, t("reason")),
    el("input", { id: reason, name: "reason", autocomplete: "off", "aria-describedby": reasonError })),
  el("div", { className: "buttons" }, ...verdicts.map((v) => el("button", { value: v, className: v === "publish" ? "button" : "quiet" }, t(v)))),
  el("p", { id: reasonError, className: "error" }));

  const answer = el("form", { onsubmit: (e) => {
    e.preventDefault();
    const text = answer.elements.text.value.trim();
    const missing = text === "" || [...text].length > 2000;
    answer.querySelector(".error").textContent = missing ? t("needReply") : "";
    answer.elements.text.setAttribute("aria-invalid", String(missing));
    if (missing) return answer.elements.text.focus();
    return act(e.submitter, t("replied"), "PUT", "/reply", { text });
  } },
  el("label", { for: reply, className: "unseen" }, t("reply")), el("p", { id: replyHint, className: "muted" }, t("replyHint")),
  el("textarea", { id: reply, name: "text", rows: 3, value: r.reply?.text ?? "", "aria-describedby": `${replyHint} ${replyError}` }),
  el("p", { id: replyError, className: "error" }),
  el("div", { className: "buttons" }, el("button", { className: "quiet" }, t("saveReply")),
    r.reply && el("button", { type: "button", className: "quiet", onclick: (e) => act(e.currentTarget, t("unreplied"), "DELETE", "/reply") }, t("removeReply"))));

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
    r.photos.length === 0 ? "" : el("ul", { className: "photos" }, ...r.photos.map((name, i) =>
      el("li", {}, el("a", { href: `/img/${name}?p=zoom` }, el("img", { src: `/img/${name}?p=thumb`, alt: t("photo", i + 1), width: 96, height: 96, loading: "lazy" }))))),
    el("p", { className: "muted" }, [
      t("submitted", when(r.submitted_at)), r.edited_at && t("edited", when(r.edited_at)), r.held_at && t("heldSince", when(r.held_at)),
      r.score != null && t("score", number(r.score, { signDisplay: "exceptZero", maximumFractionDigits: 2 }), r.scored_by),
    ].filter(Boolean).join(" · ")),
    r.decisions.length === 0 ? "" : el("details", {}, el("summary", {}, t("history")), el("ul", {}, ...r.decisions.map((d) =>
      el("li", {}, d.reason ? t("decided", t(d.verdict), when(d.at), d.reason) : t("decidedNoReason", t(d.verdict), when(d.at)))))),
    result, decide, el("details", { className: "reply", open: Boolean(r.reply) }, el("summary", {}, t("reply")), answer));
  return root;
}

// Dead letters.

function letters() {
  return view("letters", el("p", { className: "note" }, t("lettersText")), async () => {
    const found = await call("GET", "/dead-letters");
    const refresh = el("button", { type: "button", className: "quiet", onclick: letters }, t("refresh"));
    if (found.dead_letters.length === 0) return [el("p", { className: "note" }, t("noLetters")), refresh];
    return [el("div", { className: "list" }, ...found.dead_letters.map(letterCard)), found.more ? el("p", { className: "note" }, t("moreLetters")) : "", refresh];
  });
}

function letterCard(l) {
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
        return result.replaceChildren(trouble(problem));
      }
      text = t("goneLetter");
    }
    const done = el("p", { className: "done", tabIndex: -1 }, text);
    root.classList.add("over");
    button.replaceWith(done);
    done.focus();
    say(text);
  };
  const root = el("article", { className: "letter panel", "data-id": l.id, "aria-labelledby": title },
    el("h2", { id: title }, t(`queue_${l.queue}`), ": ", el("span", { className: "why" }, l.reason)),
    el("dl", {}, ...[[t("source"), l.source], [t("died"), when(l.died_at)], [t("size"), t("bytes", number(l.size))],
      ...Object.entries(l.attributes)].flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    el("details", {}, el("summary", {}, t("body")), el("pre", { tabIndex: 0, role: "region", "aria-label": t("body") }, l.body)),
    result, el("button", { type: "button", className: "button", onclick: replay, "aria-describedby": title }, t("replay")));
  return root;
}

// Days.

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

// The page itself.

const views = { "#reviews": reviews, "#letters": letters, "#days": days };

function dress() {
  document.documentElement.lang = language;
  document.title = t("title");
  for (const e of document.querySelectorAll("[data-t]")) e.textContent = t(e.dataset.t);
  for (const e of document.querySelectorAll("[data-label]")) e.setAttribute("aria-label", t(e.dataset.label));
  const other = document.getElementById("language");
  other.textContent = t("language");
  other.lang = language === "ko" ? "en" : "ko";
}

function show() {
  if (!login.token()) return welcome();
  places.hidden = false;
  document.getElementById("logout").hidden = false;
  const name = location.hash in views ? location.hash : "#reviews";
  for (const a of places.children) {
    if (a.hash === name) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  return views[name]();
}

document.getElementById("language").addEventListener("click", () => {
  switchLanguage();
  dress();
  show();
  document.getElementById("language").focus();
});
document.getElementById("logout").addEventListener("click", () => {
  login.forget();
  welcome();
  main.querySelector("h1").focus();
});
document.querySelector(".skip").addEventListener("click", (e) => { // the hash is for views
  e.preventDefault();
  main.focus();
});
addEventListener("hashchange", show);

dress();
if (await login.finish()) show();
else welcome(t("loginFailed"));
