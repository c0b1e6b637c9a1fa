// The live page: reads /status every second and shows it. Every function but the last ones turns a status
// into HTML; texts of the run are escaped, and nothing is loaded from anywhere else.

/** @typedef {import("../src/observe/status.ts").Status} Status */

const WIDTH = 720;
const HEIGHT = 220;
const MARGIN = { left: 44, right: 44, top: 16, bottom: 22 };
const POLL_MS = 1000;
const ANSWER_MS = 5000;

/** Text as HTML, also within an attribute. @param {unknown} text */
export function escapeHtml(text) {
  return String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** `83 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`. @param {number} ms */
export function duration(ms) {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** `1.5 MiB`. @param {number} value */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let power = 0;
  while (power < units.length - 1 && value / 1024 ** power >= 1024) power++;
  return `${(value / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** @param {number} value */
function count(value) {
  return value.toLocaleString("en-US");
}

/**
 * The points of a line in the plot: x from the first to the last step, y from `min` (below) to `max`.
 *
 * @param {readonly { step: number, value: number }[]} points at least one
 * @param {{ first: number, last: number, min: number, max: number }} range
 */
export function linePoints(points, { first, last, min, max }) {
  const [width, height] = [WIDTH - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];
  return points
    .map(({ step, value }) => {
      const x = MARGIN.left + (width * (step - first)) / Math.max(1, last - first);
      const y = MARGIN.top + height * (1 - (value - min) / Math.max(1e-12, max - min));
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}

/** Loss (left axis) and accuracy (right axis, 0 to 100 %) over the steps. @param {Status["curve"]} curve */
export function curveSvg(curve) {
  const [head, tail] = [curve.at(0), curve.at(-1)];
  if (head === undefined || tail === undefined) return '<p class="dim">no step yet</p>';
  const losses = curve.map(({ loss }) => loss);
  const span = { first: head.step, last: tail.step };
  const range = { ...span, min: Math.min(...losses), max: Math.max(...losses) };
  const accuracies = curve.flatMap(({ step, accuracy }) =>
    accuracy === null ? [] : [{ step, value: accuracy }],
  );
  const [left, right, top, bottom] = [MARGIN.left, WIDTH - MARGIN.right, MARGIN.top, HEIGHT - MARGIN.bottom];
  const lossLine = linePoints(
    curve.map(({ step, loss }) => ({ step, value: loss })),
    range,
  );
  const parts = [
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => {
      const y = top + share * (bottom - top);
      return `<line class="grid" x1="${left}" x2="${right}" y1="${y}" y2="${y}"/>`;
    }),
    `<polyline class="loss" points="${lossLine}"/>`,
    `<text class="loss" x="0" y="${top + 4}">${range.max.toFixed(3)}</text>`,
    `<text class="loss" x="0" y="${bottom + 4}">${range.min.toFixed(3)}</text>`,
    `<text class="loss" x="${left}" y="${top - 5}">loss</text>`,
    `<text x="${left}" y="${HEIGHT - 6}">step ${count(span.first)}</text>`,
    `<text x="${right}" y="${HEIGHT - 6}" text-anchor="end">${count(span.last)}</text>`,
  ];
  if (accuracies.length > 0) {
    parts.push(
      `<polyline class="accuracy" points="${linePoints(accuracies, { ...span, min: 0, max: 1 })}"/>`,
      `<text class="accuracy" x="${right + 4}" y="${top + 4}">100 %</text>`,
      `<text class="accuracy" x="${right + 4}" y="${bottom + 4}">0 %</text>`,
      `<text class="accuracy" x="${right}" y="${top - 5}" text-anchor="end">accuracy</text>`,
    );
  }
  const label = `loss from ${head.loss.toFixed(3)} to ${tail.loss.toFixed(3)}`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">${parts.join("")}</svg>`;
}

/** @param {Status} status */
export function progressHtml({ progress, workers }) {
  const { step, steps, stepsPerSecond, tasksPerSecond, remainingMs, loss, accuracy } = progress;
  const ready = workers.filter(({ state }) => state !== "preparing").length;
  const known = (/** @type {number | null} */ value, /** @type {(value: number) => string} */ text) =>
    value === null ? "–" : text(value);
  const figures = [
    ["step", `${count(step)} / ${count(steps)}`],
    ["left", known(remainingMs, duration)],
    ["loss", known(loss, (value) => value.toFixed(3))],
    ["accuracy", known(accuracy, (value) => `${(100 * value).toFixed(1)} %`)],
    ["steps/s", known(stepsPerSecond, (value) => value.toFixed(2))],
    ["tasks/s", known(tasksPerSecond, (value) => value.toFixed(0))],
    ["workers", `${ready} ready${ready === workers.length ? "" : ` of ${workers.length}`}`],
    ["coordinator's share", known(progress.coordinatorShare, (value) => `${(100 * value).toFixed(1)} %`)],
  ];
  return (
    `<progress max="${Math.max(1, steps)}" value="${step}"></progress><dl class="figures">` +
    `${figures.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("")}</dl>`
  );
}

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows cells are HTML */
function table(head, rows) {
  const cells = (/** @type {readonly string[]} */ texts, /** @type {string} */ tag) =>
    `<tr>${texts.map((text) => `<${tag}>${text}</${tag}>`).join("")}</tr>`;
  return `<table><thead>${cells(head, "th")}</thead><tbody>${rows.map((row) => cells(row, "td")).join("")}</tbody></table>`;
}

/** @param {Status["workers"]} workers */
export function workersHtml(workers) {
  if (workers.length === 0) return '<p class="dim">none</p>';
  const colour = (/** @type {string} */ state) => (state === "ready" ? "good" : "warn");
  return table(
    ["worker", "state", "device", "threads", "tasks/s", "blocks now", "blocks done", "heard", "version"],
    workers.map((worker) => [
      escapeHtml(worker.name),
      `<span class="${colour(worker.state)}">${escapeHtml(worker.state)}</span>`,
      escapeHtml(worker.device ?? "–"),
      String(worker.slots ?? "–"),
      worker.tasksPerSecond === null ? "–" : worker.tasksPerSecond.toFixed(1),
      String(worker.blocksLeased),
      count(worker.blocksDone),
      `${duration(worker.silentMs)} ago`,
      escapeHtml(worker.version),
    ]),
  );
}

/** @param {Status["waits"]} waits */
export function waitsHtml(waits) {
  if (waits.length === 0) return '<p class="dim">nothing is waited for</p>';
  const items = waits.map(({ text, waitedMs, remainingMs }) => {
    const bar =
      remainingMs === null
        ? ""
        : `<progress max="${Math.max(1, waitedMs + remainingMs)}" value="${waitedMs}"></progress>`;
    return `<li>${escapeHtml(text)}${bar}</li>`;
  });
  return `<ul>${items.join("")}</ul>`;
}

/** @param {Status["rounds"]} rounds */
export function roundsHtml(rounds) {
  if (rounds.length === 0) return '<p class="dim">none</p>';
  const items = rounds.map(({ purpose, version, tasks, blocks }) => {
    const { total, done, leased, open } = blocks;
    const title =
      purpose === "train" ? `step ${count(version + 1)}` : `${escapeHtml(purpose)} of step ${count(version)}`;
    return (
      `<li>${title}: ${count(tasks)} tasks in ${total} blocks: ${done} done, ${leased} leased, ${open} open` +
      `<progress max="${Math.max(1, total)}" value="${done}"></progress></li>`
    );
  });
  return `<ul>${items.join("")}</ul>`;
}

/** @param {Status["evaluations"]} evaluations */
export function evaluationsHtml(evaluations) {
  if (evaluations.length === 0) return '<p class="dim">none yet</p>';
  const rows = evaluations
    .slice(-10)
    .map(({ purpose, step, tasks, stats }) => [
      escapeHtml(purpose),
      count(step),
      count(tasks),
      scoresText(stats).map(escapeHtml).join("<br>"),
    ]);
  return table(
    ["evaluation", "step", "tasks", "after each inner step; 95 % interval of the last"],
    rows.reverse(),
  );
}

/**
 * `accuracy 25.5 → 62.5 → 65.0 ± 5.7 %`: one text per statistic, its means after 0, 1, ... inner steps; accuracies
 * come first.
 *
 * @param {Status["evaluations"][number]["stats"]} stats named `accuracy@3`
 */
function scoresText(stats) {
  const names = [...new Set(Object.keys(stats).map((name) => name.replace(/@\d+$/, "")))];
  const order = (/** @type {string} */ name) => (name.endsWith("accuracy") ? 0 : 1);
  return names
    .sort((a, b) => order(a) - order(b))
    .map((name) => {
      const isAccuracy = name.endsWith("accuracy");
      const text = (/** @type {number} */ value) =>
        isAccuracy ? (100 * value).toFixed(1) : value.toPrecision(4);
      const steps = Object.entries(stats)
        .filter(([key]) => key.replace(/@\d+$/, "") === name)
        .map(([, interval]) => interval);
      const last = steps.at(-1)?.ci95 ?? 0;
      const unit = isAccuracy ? " %" : "";
      return `${name} ${steps.map(({ mean }) => text(mean)).join(" → ")} ± ${text(last)}${unit}`;
    });
}

/** @param {Status["events"]} events */
export function eventsHtml(events) {
  if (events.length === 0) return '<p class="dim">none yet</p>';
  const colours = /** @type {Record<string, string>} */ ({ error: "bad", warn: "warn" });
  const rows = events.slice(-20).map(({ at, level, type, ...fields }) => [
    `<span class="dim">${escapeHtml(new Date(at).toLocaleTimeString())}</span>`,
    `<span class="${colours[level] ?? "dim"}">${escapeHtml(type)}</span>`,
    escapeHtml(
      Object.entries(fields)
        .map(([name, value]) => `${name} ${JSON.stringify(value, toSixDigits)}`)
        .join(", "),
    ),
  ]);
  return table(["time", "event", ""], rows.reverse());
}

/** Six digits of a fraction are all that a person wants. @param {string} _key @param {unknown} value */
function toSixDigits(_key, value) {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

/** @param {Status} status */
export function runHtml({ run, disk, traffic, results }) {
  const parts = [
    `run ${escapeHtml(run.id)}, start ${run.incarnation}, since ${escapeHtml(new Date(run.startedAt).toLocaleString())}`,
    ...(run.directory === null ? [] : [escapeHtml(run.directory)]),
    ...(disk === null ? [] : [`${bytes(disk.runBytes)} written, ${bytes(disk.freeBytes)} free`]),
    `${bytes(traffic.receivedBytes)} in, ${bytes(traffic.sentBytes)} out`,
    Object.entries(results)
      .map(([answer, results]) => `${count(results)} ${answer}`)
      .join(", "),
  ];
  return parts.join(" · ");
}

/** What is shown where, by id of the page's elements. @param {Status} status @returns {Record<string, string>} */
export function viewOf(status) {
  return {
    title: escapeHtml(status.run.experiment),
    state: escapeHtml(status.run.state),
    progress: progressHtml(status),
    curve: curveSvg(status.curve),
    waits: waitsHtml(status.waits),
    workers: workersHtml(status.workers),
    rounds: roundsHtml(status.rounds),
    evaluations: evaluationsHtml(status.evaluations),
    events: eventsHtml(status.events),
    run: runHtml(status),
  };
}

/** Shows the status now, and every second from then on. */
function start() {
  const element = (/** @type {string} */ id) =>
    /** @type {NonNullable<ReturnType<typeof document.getElementById>>} */ (document.getElementById(id));
  let token = sessionStorage.getItem("shoal-token");
  let answeredMs = Date.now();
  /** What each element shows; one that stays the same keeps its selection and its scrolled place. */
  const shown = new Map();

  const look = async () => {
    const response = await fetch("/status", {
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    element("token-form").hidden = response.status !== 401;
    if (!response.ok) throw new Error((await response.text()).trim());
    const status = /** @type {Status} */ (await response.json());
    for (const [id, html] of Object.entries(viewOf(status))) {
      if (shown.get(id) !== html) element(id).innerHTML = html;
      shown.set(id, html);
    }
    document.title = `${status.progress.step}/${status.progress.steps} ${status.run.experiment} - Shoal`;
    answeredMs = Date.now();
    element("age").textContent = "";
  };

  const lookAgain = async () => {
    try {
      if (!document.hidden) await look();
    } catch (error) {
      element("state").textContent = "not answered";
      shown.delete("state");
      element("age").textContent =
        `${/** @type {Error} */ (error).message}; the last answer is ${duration(Date.now() - answeredMs)} old. ` +
        "The port closes when the run is over.";
    }
    setTimeout(() => void lookAgain(), POLL_MS);
  };

  element("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    token = element("token").value.trim();
    sessionStorage.setItem("shoal-token", token);
    element("token").value = "";
  });
  void lookAgain();
}

// Tests import the functions above where there is no page.
if (typeof document !== "undefined") start();
