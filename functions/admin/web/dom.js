// DOM helpers of all modules. Data becomes text nodes only, never markup.

const live = document.getElementById("live");

// el returns an element. Properties with a dash, role and for become attributes; on… become listeners; undefined is skipped.
export function el(tag, properties = {}, ...children) {
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
export function announce(text) {
  live.textContent = "";
  setTimeout(() => { live.textContent = text; }, 50);
}

let ids = 0;
export const newID = () => `id${++ids}`;

// confirmation returns a dialog that asks before action runs. Its cancel button has the focus first.
export function confirmation(title, text, cancel, confirm, action) {
  const [titleID, textID] = [newID(), newID()];
  const dialog = el("dialog", { className: "confirm", "aria-labelledby": titleID, "aria-describedby": textID },
    el("h3", { id: titleID }, title), el("p", { id: textID }, text),
    el("div", { className: "buttons" },
      el("button", { type: "button", className: "quiet cancel", autofocus: true, onclick: () => dialog.close() }, cancel),
      el("button", { type: "button", className: "danger confirmed", onclick: (e) => action(e.currentTarget, dialog) }, confirm)));
  return dialog;
}
