import { expect, test } from "vitest";
import { tunedEnvironment } from "./tuned-environment.ts";

test("a computing process on Linux gets large pages and keeps what it frees", () => {
  const tuned = tunedEnvironment({ HOME: "/root" }, "linux");
  expect(tuned.HOME).toBe("/root");
  expect(tuned.GLIBC_TUNABLES).toBe(
    "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1:glibc.malloc.mmap_max=0:" +
      "glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=67108864",
  );
});

test.each([
  ["another platform", { HOME: "/Users/me" }, "darwin"],
  ["options that a person has set", { GLIBC_TUNABLES: "glibc.malloc.check=3" }, "linux"],
  ["options that a person has emptied", { GLIBC_TUNABLES: "" }, "linux"],
] as const)("%s: nothing is changed", (_, environment, platform) => {
  expect(tunedEnvironment(environment, platform)).toEqual(environment);
});
