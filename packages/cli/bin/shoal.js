#!/usr/bin/env node
// Runs the command line; in a checkout, installs and builds first what is missing or stale.
import { existsSync } from "node:fs";

// A reader that went away (`shoal data list | head -1`) ends no run: what follows goes unread.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
    if (error.code !== "EPIPE") throw error;
  });
}

// A process that another shoal process started ends with that one, however that one ended: their channel closes.
if (process.channel !== undefined) {
  process.once("disconnect", () => process.exit(1));
  // The channel is there for its end alone.
  process.channel.unref();
}

const ensure = new URL("../../../tools/ensure-built.mjs", import.meta.url);
try {
  // A child of a shoal process runs what that one has built.
  if (existsSync(ensure) && process.channel === undefined) {
    const { ensureBuilt } = await import(ensure.href);
    await ensureBuilt();
  }
  const { main } = await import("../dist/main.js");
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
