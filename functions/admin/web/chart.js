// Draws counts by day as stacked bars. The numbers are for the table beside it; the picture is one image to a screen reader.

import { dayName, number, t } from "./words.js";

const NS = "http://www.w3.org/2000/svg";
const parts = ["published", "held", "rejected"]; // from below
const height = 260, left = 44, bottom = 28, top = 10;

function svg(tag, attributes, ...children) {
  const e = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

// ceiling returns the next round number: 1, 2 or 5 and noughts.
function ceiling(n) {
  const power = 10 ** Math.floor(Math.log10(Math.max(n, 1)));
  return [1, 2, 5, 10].map((m) => m * power).find((m) => m >= n);
}

// bars returns the chart of days as the API gives them.
export function bars(days) {
  const width = matchMedia("(max-width: 44rem)").matches ? 340 : 900; // so that its text is about as large as other text
  const most = ceiling(Math.max(4, ...days.map((d) => parts.reduce((sum, p) => sum + d[p], 0))));
  const y = (n) => top + (height - top - bottom) * (1 - n / most);
  const step = (width - left) / days.length;
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": t("chart"), class: "chart" });
  for (const n of [0, most / 2, most]) {
    chart.append(
      svg("line", { x1: left, x2: width, y1: y(n), y2: y(n), class: "grid" }),
      svg("text", { x: left - 6, y: y(n) + 4, class: "end" }, number(n)),
    );
  }
  days.forEach((d, i) => {
    const x = left + i * step;
    let below = 0;
    for (const part of parts) {
      if (d[part] > 0) {
        const bar = svg("rect", { x: x + step * 0.12, width: step * 0.76, y: y(below + d[part]), height: y(below) - y(below + d[part]), class: part });
        bar.append(svg("title", {}, `${dayName(d.day)}: ${t(part)} ${number(d[part])}`));
        chart.append(bar);
      }
      below += d[part];
    }
    if ((days.length - 1 - i) % 7 === 0) {
      const last = i === days.length - 1; // it must not stick out
      chart.append(svg("text", { x: last ? width : x + step / 2, y: height - 8, class: last ? "end" : "middle" }, dayName(d.day, { month: "numeric", day: "numeric" })));
    }
  });
  return chart;
}

export { parts };
