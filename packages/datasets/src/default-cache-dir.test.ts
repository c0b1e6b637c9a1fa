import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultCacheDir } from "./default-cache-dir.ts";

test("the cache is where the platform keeps caches, unless SHOAL_CACHE_DIR says otherwise", () => {
  expect(defaultCacheDir({}, "linux", "/home/ada")).toBe(join("/home/ada", ".cache", "shoal"));
  expect(defaultCacheDir({ XDG_CACHE_HOME: "/c" }, "linux", "/home/ada")).toBe(join("/c", "shoal"));
  expect(defaultCacheDir({}, "darwin", "/Users/ada")).toBe(join("/Users/ada", "Library", "Caches", "shoal"));
  expect(defaultCacheDir({ LOCALAPPDATA: "/l" }, "win32", "/u")).toBe(join("/l", "shoal"));
  expect(defaultCacheDir({ SHOAL_CACHE_DIR: "/mine" }, "darwin", "/Users/ada")).toBe("/mine");
  expect(defaultCacheDir({ SHOAL_CACHE_DIR: "" }, "linux", "/home/ada")).toBe(
    join("/home/ada", ".cache", "shoal"),
  );
});
