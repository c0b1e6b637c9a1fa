import { EXIT } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The first Ctrl-C or SIGTERM asks the command to stop and save; the second ends the process at once.
 */
export function watchInterrupts(terminal: Terminal): { readonly signal: AbortSignal; close(): void } {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    const again = name === "SIGINT" ? "; Ctrl-C again ends at once" : "";
    terminal.line(`${name}: stopping${again}`);
    controller.abort();
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
