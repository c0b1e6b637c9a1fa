import { type DatasetEvent, defaultCacheDir } from "@shoal/datasets";
import { bytes, count } from "./format.ts";
import type { Values } from "./option-table.ts";
import type { TaskSourceOptions } from "./task-source-module.ts";
import type { Terminal } from "./terminal.ts";

/** Where a command's data is, as the task source wants to know it. */
export function taskSourceOptions(values: Values): TaskSourceOptions {
  return {
    cacheDir: values["cache-dir"] ?? defaultCacheDir(),
    download: values.download ?? false,
    ...(values.data === undefined ? {} : { dataDir: values.data }),
  };
}

/** Shows what happens while data is read, drawn or downloaded. */
export function showDataEvents(terminal: Terminal): (event: DatasetEvent) => void {
  return (event) => {
    if (event.type !== "progress") terminal.clearLive();
    switch (event.type) {
      case "progress": {
        const amount = event.unit === "bytes" ? bytes : count;
        const of = event.total === null ? "" : ` of ${amount(event.total)}`;
        terminal.live(`${event.what}: ${event.stage} ${amount(event.done)}${of}`);
        if (event.done === event.total) terminal.clearLive();
        return;
      }
      case "detected":
        terminal.line(
          `data: ${event.dataset}: ${event.format} in ${event.path}: ` +
            `${count(event.classes)} classes, ${count(event.images)} images`,
        );
        return;
      case "deviation":
        terminal.line(`data: ${event.dataset}: not as published: ${event.detail}`);
        return;
      case "pack-resumed":
        terminal.line(
          `data: going on with ${event.path} after ${count(event.done)} of ${count(event.total)} images`,
        );
        return;
      case "pack-waiting":
        terminal.line(`data: waiting for ${event.path}, which another process packs (${event.holder})`);
        return;
      case "cache-used":
        return;
      case "cache-rejected":
        terminal.line(`data: the packed store ${event.path} is not used and made anew: ${event.reason}`);
        return;
      case "cache-written":
        terminal.line(`data: packed into ${event.path} (${bytes(event.bytes)})`);
        return;
      case "cache-unavailable":
        terminal.line(`data: cannot keep ${event.path} (${event.reason}); every start will pack anew`);
        return;
      case "download-retry":
        terminal.line(`data: ${event.url}: ${event.reason}; attempt ${event.attempt}`);
        return;
    }
  };
}
