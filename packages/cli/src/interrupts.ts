import { EXIT } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The first Ctrl-C or SIGTERM asks the command to stop and save; the second ends the process at once.
 */
export function watchInterrupts(terminal: Terminal): { readonly signal: AbortSignal; close(): void } {
  const controller = new AbortController();
  // Ctrl-C reaches the whole process group: a local worker leaves the answer to the command that started it.
  const isLocalWorker = process.channel !== undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    if (isLocalWorker && name === "SIGINT") return;
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    const again = name === "SIGINT" ? "; Ctrl-C again ends at once" : "";
    terminal.line(`${name}: stopping${again}`);
    controller.abort(name);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    close() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
