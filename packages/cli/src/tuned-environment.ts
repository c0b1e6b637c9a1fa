/**
 * How glibc's allocator should treat a process that computes: large pages, one arena (the threads' own know
 * no large pages), and freed blocks kept, not handed back and zeroed again. Up to a tenth faster.
 */
const GLIBC_TUNABLES = [
  "glibc.malloc.hugetlb=1",
  "glibc.malloc.arena_max=1",
  "glibc.malloc.mmap_max=0",
  `glibc.malloc.trim_threshold=${16 * 2 ** 30}`,
  `glibc.malloc.top_pad=${64 * 2 ** 20}`,
].join(":");

/** The environment for a process that computes. Whoever has set the allocator's options keeps them. */
export function tunedEnvironment(
  environment: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): NodeJS.ProcessEnv {
  if (platform !== "linux" || environment.GLIBC_TUNABLES !== undefined) return environment;
  return { ...environment, GLIBC_TUNABLES };
}
