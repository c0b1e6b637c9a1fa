import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  bytes,
  curveSvg,
  duration,
  escapeHtml,
  evaluationsHtml,
  eventsHtml,
  linePoints,
  viewOf,
  waitsHtml,
  workersHtml,
} from "../../page/page.js";
import { readLivePage } from "./live-page.ts";
import type { Status } from "./status.ts";

const status: Status = {
  format: 1,
  at: "2026-01-02T03:04:05.000Z",
  run: {
    id: "run-1",
    incarnation: 2,
    experiment: "<b>omniglot</b>",
    directory: "runs/one",
    startedAt: "2026-01-02T03:00:00.000Z",
    state: "training",
  },
  progress: {
    step: 118,
    steps: 600,
    stepsPerSecond: 2,
    tasksPerSecond: 64,
    remainingMs: 241_000,
    loss: 0.5,
    accuracy: 0.75,
    coordinatorShare: 0.01,
  },
  curve: [{ step: 118, loss: 0.5, accuracy: 0.75 }],
  evaluations: [],
  workers: [],
  rounds: [],
  waits: [],
  results: { accepted: 1, duplicate: 0, stale: 0, invalid: 0 },
  traffic: { receivedBytes: 2048, sentBytes: 10 },
  events: [],
  disk: null,
};

const evaluation = { purpose: "test-before", step: 0, split: "test", tasks: 40 } as const;

describe("the live page", () => {
  const { html, contentSecurityPolicy } = readLivePage();
  const contentOf = (tag: string): string =>
    new RegExp(`<${tag}(?: type="module")?>([\\s\\S]*?)</${tag}>`).exec(html)![1]!;

  test.each(["script", "style"])("lets in its own %s alone, by its hash", (tag) => {
    const hash = createHash("sha256").update(contentOf(tag)).digest("base64");
    expect(contentSecurityPolicy).toContain(`${tag}-src 'sha256-${hash}'`);
    expect(contentSecurityPolicy).not.toContain("unsafe");
    // One element each: a `</script>` within the script would end it early.
    expect(html.split(`</${tag}>`)).toHaveLength(2);
  });

  test("loads nothing from anywhere, and has no attribute that the policy would refuse", () => {
    expect(html).not.toMatch(/https?:\/\//);
    expect(html).not.toMatch(/\s(src|style|on\w+)=/);
  });

  test("has an element for everything that is shown", () => {
    for (const id of Object.keys(viewOf(status))) expect(html).toContain(`id="${id}"`);
  });
});

describe("a status on the page", () => {
  test("shows the texts of a run as text, whatever they hold", () => {
    expect(viewOf(status).title).toBe("&#60;b&#62;omniglot&#60;/b&#62;");
    expect(escapeHtml(`"'&`)).toBe("&#34;&#39;&#38;");
    const hostile = "<img src=x onerror=alert(1)>";
    const wait = { text: hostile, waiter: "", what: "", reason: "", owner: "", since: "", ending: "" };
    expect(
      waitsHtml([{ ...wait, waitedMs: 0, expectedInMs: null, until: null, remainingMs: null }]),
    ).not.toContain("<img");
    expect(eventsHtml([{ at: status.at, level: hostile, type: hostile, name: hostile }])).not.toContain(
      "<img",
    );
    const worker = {
      id: "w1",
      name: hostile,
      host: hostile,
      pid: 1,
      version: hostile,
      device: hostile,
      slots: 1,
      tasksPerSecond: 1,
      state: hostile,
      wait: null,
      silentMs: 0,
      blocksLeased: 0,
      blocksDone: 0,
    };
    expect(workersHtml([worker])).not.toContain("<img");
  });

  test("draws the learning curve between its axes", () => {
    // The plot is 632 x 182 at (44, 16): steps 1, 2, 3 at its left, middle and right; the loss 3 at the top.
    const points = [3, 1, 2].map((value, i) => ({ step: i + 1, value }));
    expect(linePoints(points, { first: 1, last: 3, min: 1, max: 3 })).toBe(
      "44.0,16.0 360.0,198.0 676.0,107.0",
    );
    const svg = curveSvg([
      { step: 1, loss: 3, accuracy: null },
      { step: 2, loss: 1, accuracy: 0.5 },
    ]);
    // The accuracy 0.5 lies in the middle, and its step at the right.
    expect(svg).toContain('class="accuracy" points="676.0,107.0"');
    expect(svg).toContain('aria-label="loss from 3.000 to 1.000"');
    expect(curveSvg([])).toContain("no step yet");
    expect(curveSvg(status.curve)).not.toContain("NaN");
  });

  test("an evaluation is its scores after each inner step, accuracies in percent and first", () => {
    const stats = {
      "loss@0": { mean: 1.66, ci95: 0.04 },
      "loss@1": { mean: 1.1, ci95: 0.0861 },
      "accuracy@0": { mean: 0.255, ci95: 0.06 },
      "accuracy@1": { mean: 0.65, ci95: 0.0712 },
    };
    const html = evaluationsHtml([{ ...evaluation, stats }]);
    expect(html).toContain("accuracy 25.5 → 65.0 ± 7.1 %<br>loss 1.660 → 1.100 ± 0.08610");
    // In regression there are losses alone.
    const losses = evaluationsHtml([{ ...evaluation, stats: { "loss@0": stats["loss@0"] } }]);
    expect(losses).toContain("<td>loss 1.660 ± 0.04000</td>");
  });

  test("says numbers as people read them", () => {
    const waited = eventsHtml([
      { at: status.at, level: "info", type: "waiting-over", waitedMs: 14633.121500000001 },
    ]);
    expect(waited).toContain("waitedMs 14633.1<");
    expect([duration(83), duration(4_200), duration(200_000), duration(7_500_000)]).toEqual([
      "83 ms",
      "4.2 s",
      "3 min 20 s",
      "2 h 5 min",
    ]);
    expect([bytes(12), bytes(1536), bytes(3 * 1024 ** 3)]).toEqual(["12 B", "1.5 KiB", "3.0 GiB"]);
  });
});
