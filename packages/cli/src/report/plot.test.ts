import { expect, test } from "vitest";
import { escapeText, table } from "./markup.ts";
import { plot } from "./plot.ts";

const size = { xLabel: "x", yLabel: "y", width: 372, height: 168 };

test("points lie where the axes say: left and right, bottom and top of the area", () => {
  const points = [
    { x: 0, y: 0 },
    { x: 10, y: 100 },
  ];
  const svg = plot([{ label: "a", colour: 0, points }], { ...size, yRange: [0, 100] });
  // The area is what the margins (28, 16, 40, 56) leave of 372 x 168: x from 56 to 356, y from 128 to 28.
  expect(svg).toContain('d="M56,128L356,28"');
});

test("a band is as high as the interval, and text cannot break out of the picture", () => {
  const points = [
    { x: 0, y: 50, spread: 10 },
    { x: 10, y: 50, spread: 10 },
  ];
  const svg = plot([{ label: "<b>&", colour: 1, points }], { ...size, yRange: [0, 100] });
  // 40 is at 128 - 0.4 * 100 = 88, and 60 at 68.
  expect(svg).toContain('d="M56,68L356,68L356,88L56,88Z"');
  expect(svg).toContain("&lt;b&gt;&amp;");
  expect(svg).not.toContain("<b>");
});

test("a plot of nothing, or of one point, is a plot", () => {
  for (const points of [[], [{ x: 1, y: 1 }]]) {
    expect(plot([{ label: "a", colour: 0, points }], size)).not.toContain("NaN");
  }
});

test("a table's first row is its head, and quotes in texts are escaped", () => {
  expect(
    table([
      ["a", "b"],
      [escapeText('"1"'), "2"],
    ]),
  ).toBe("<table><tr><th>a</th><th>b</th></tr><tr><th>&quot;1&quot;</th><td>2</td></tr></table>");
});
