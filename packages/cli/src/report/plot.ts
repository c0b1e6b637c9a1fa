import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import { escapeText } from "./markup.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Half of the interval around `y`, where it has one. */
  readonly spread?: number;
}

/** One curve, or points where `isDots`. */
export interface Series {
  readonly label: string;
  readonly points: readonly Point[];
  /** Place in the palette, from 0. */
  readonly colour: number;
  readonly isDots?: boolean;
  /** Drawn behind what matters more. */
  readonly isFaint?: boolean;
}

export interface PlotOptions {
  readonly xLabel: string;
  readonly yLabel: string;
  readonly width: number;
  readonly height: number;
  /** Default: what the points need. */
  readonly yRange?: readonly [number, number];
}

const margin = { top: 28, right: 16, bottom: 40, left: 56 } as const;

/** Colours that are told apart on white and on black, and by most colour-blind people (Okabe and Ito). */
const palette = ["#0072b2", "#d55e00", "#009e73", "#888888"] as const;

/** A plot as SVG with nothing around it: text in the page's colour, or black where there is no page. */
export function plot(series: readonly Series[], options: PlotOptions): string {
  const { width, height, xLabel, yLabel } = options;
  const points = series.flatMap((one) => one.points);
  const lows = points.map(({ y, spread = 0 }) => y - spread);
  const highs = points.map(({ y, spread = 0 }) => y + spread);
  const x = scaleLinear(rangeOf(points.map((point) => point.x)), [margin.left, width - margin.right]);
  const yRange = options.yRange ?? rangeOf([...lows, ...highs]);
  const y = scaleLinear(yRange, [height - margin.bottom, margin.top]);
  if (options.yRange === undefined) y.nice();
  const curve = line<Point>(
    (point) => x(point.x),
    (point) => y(point.y),
  );
  const band = area<Point>(
    (point) => x(point.x),
    (point) => y(point.y - (point.spread ?? 0)),
    (point) => y(point.y + (point.spread ?? 0)),
  );
  const drawn = series.map((one) => {
    const colour = palette[one.colour]!;
    const opacity = one.isFaint === true ? 0.75 : 1;
    const dots = one.points.map(
      (point) => `<circle cx="${at(x(point.x))}" cy="${at(y(point.y))}" r="3" fill="${colour}"/>`,
    );
    if (one.isDots === true || one.points.length === 1) {
      const whiskers = one.points.flatMap((point) =>
        point.spread === undefined
          ? []
          : [
              `<path d="M${at(x(point.x))},${at(y(point.y - point.spread))}V${at(y(point.y + point.spread))}" stroke="${colour}" stroke-width="1.6"/>`,
            ],
      );
      return [...whiskers, ...dots].join("");
    }
    const hasBand = one.points.some(({ spread }) => spread !== undefined);
    const around = hasBand ? `<path d="${band(one.points)}" fill="${colour}" opacity="0.18"/>` : "";
    const few = hasBand ? dots.join("") : "";
    return `${around}<path d="${curve(one.points)}" fill="none" stroke="${colour}" stroke-width="1.6" opacity="${opacity}"/>${few}`;
  });
  const grid = y.ticks(5).map((tick) => {
    const level = at(y(tick));
    return (
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${level}" y2="${level}" stroke="currentColor" opacity="0.15"/>` +
      `<text x="${margin.left - 6}" y="${level}" text-anchor="end" dominant-baseline="middle">${y.tickFormat(5)(tick)}</text>`
    );
  });
  const below = x
    .ticks(Math.floor(width / 70))
    .map(
      (tick) =>
        `<text x="${at(x(tick))}" y="${height - margin.bottom + 16}" text-anchor="middle">${x.tickFormat()(tick)}</text>`,
    );
  const legend = series.map(
    ({ label, colour }, i) =>
      `<tspan ${i === 0 ? "" : 'dx="14" '}fill="${palette[colour]!}">${escapeText(label)}</tspan>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ` font-family="system-ui, sans-serif" font-size="11" fill="currentColor" role="img">`,
    ...grid,
    ...below,
    `<text x="${(margin.left + width - margin.right) / 2}" y="${height - 6}" text-anchor="middle">${escapeText(xLabel)}</text>`,
    `<text x="12" y="${(margin.top + height - margin.bottom) / 2}" text-anchor="middle" transform="rotate(-90 12 ${(margin.top + height - margin.bottom) / 2})">${escapeText(yLabel)}</text>`,
    ...drawn,
    `<text x="${margin.left}" y="14" font-weight="600">${legend.join("")}</text>`,
    "</svg>",
  ].join("");
}

/** Smallest and largest, some space apart. */
function rangeOf(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  if (finite.length === 0) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function at(value: number): string {
  return value.toFixed(1);
}
