/** What `run` writes to standard output and standard error, instead of writing it, and what it returns. */
export async function captureOutput<T>(
  run: () => T | Promise<T>,
): Promise<{ readonly result: T; readonly stdout: string; readonly stderr: string }> {
  const written = { stdout: "", stderr: "" };
  const streams = ["stdout", "stderr"] as const;
  const before = streams.map((name) => process[name].write);
  for (const name of streams) {
    process[name].write = (chunk: string | Uint8Array) => {
      written[name] += String(chunk);
      return true;
    };
  }
  try {
    return { result: await run(), ...written };
  } finally {
    for (const [i, name] of streams.entries()) process[name].write = before[i]!;
  }
}
