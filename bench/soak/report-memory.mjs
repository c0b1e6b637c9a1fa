// Loaded into each process of a soak test (node --import): appends what it holds, after a garbage collection, to the
// file in SOAK_FILE every two seconds.

import { appendFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const { SOAK_FILE } = process.env;
const role = process.argv[2];
if (isMainThread && SOAK_FILE !== undefined && (role === "train" || role === "worker")) {
  setInterval(() => {
    globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    appendFileSync(SOAK_FILE, `${JSON.stringify({ role, pid: process.pid, rss, heapUsed, external })}\n`);
  }, 2_000).unref();
}
