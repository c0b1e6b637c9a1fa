import { REPORT_MS, REPORTS_MAX } from "./limits.ts";

/**
 * Lets the first few reports of every `REPORT_MS` through and counts the others, so that a flood of bad
 * connections does not become a flood of events, lines and disk.
 */
export class LimitedReports<Report> {
  readonly #tell: (report: Report & { readonly unreported: number }) => void;
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #told = 0;
  #unreported = 0;

  /** @param tell gets `unreported`, how many reports were kept back since the last one */
  constructor(tell: (report: Report & { readonly unreported: number }) => void) {
    this.#tell = tell;
  }

  add(report: Report, nowMs: number = performance.now()): void {
    if (nowMs - this.#windowStartMs >= REPORT_MS) {
      this.#windowStartMs = nowMs;
      this.#told = 0;
    }
    if (this.#told >= REPORTS_MAX) {
      this.#unreported++;
      return;
    }
    this.#told++;
    const unreported = this.#unreported;
    this.#unreported = 0;
    this.#tell({ ...report, unreported });
  }
}
