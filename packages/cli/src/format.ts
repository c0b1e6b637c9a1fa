/** Numbers as people read them. */

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let power = 1;
  // 1023.95 KiB and more would round to 1024.0 KiB.
  while (power < units.length && value / 1024 ** power >= 1023.95) power++;
  return `${(value / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `0 s`, `83 ms`, `4.2 s`, `3 min 20 s`, `2 h 05 min`. */
export function duration(ms: number): string {
  if (ms < 0.5) return "0 s";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} min`;
}

/** `95.30 %` of a share. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
