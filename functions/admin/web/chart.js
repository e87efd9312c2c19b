// A stacked bar chart of counts by day. Screen readers get one image with a label; the table on the page has the numbers.

import { dayName, number, t } from "./words.js";

const NS = "http://www.w3.org/2000/svg";
const parts = ["published", "held", "rejected"]; // from bottom to top
const height = 260, left = 44, bottom = 28, top = 10;

function svg(tag, attributes, ...children) {
  const e = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

// roundUp returns the least number of the form 1, 2 or 5 times a power of ten that is not less than n.
function roundUp(n) {
  const power = 10 ** Math.floor(Math.log10(Math.max(n, 1)));
  return [1, 2, 5, 10].map((m) => m * power).find((m) => m >= n);
}

// bars returns an SVG element for the days in a response of /days.
export function bars(days) {
  const width = matchMedia("(max-width: 44rem)").matches ? 340 : 900; // keeps the text near the font size of the page
  const max = roundUp(Math.max(4, ...days.map((d) => parts.reduce((sum, p) => sum + d[p], 0))));
  const y = (n) => top + (height - top - bottom) * (1 - n / max);
  const step = (width - left) / days.length;
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": t("chart"), class: "chart" });
  for (const n of [0, max / 2, max]) {
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
      const last = i === days.length - 1; // align to the edge
      chart.append(svg("text", { x: last ? width : x + step / 2, y: height - 8, class: last ? "end" : "middle" }, dayName(d.day, { month: "numeric", day: "numeric" })));
    }
  });
  return chart;
}

export { parts };
