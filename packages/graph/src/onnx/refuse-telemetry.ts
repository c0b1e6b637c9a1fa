/**
 * Tells ONNX Runtime, which on Linux keeps a data base of its use below `~/.cache/Microsoft` and sends it to its makers,
 * to do neither. Whoever has set the variable keeps it.
 *
 * Call it before the first session of the process, and before threads are started that open sessions: a thread has
 * a copy of the environment, which native code does not see.
 */
export function refuseTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
}
