import { defineConfig } from "vitest/config";

// Packages are tested from their sources; worker threads and child processes run the build.
const source = {
  resolve: { conditions: ["@shoal/source"] },
  ssr: { resolve: { conditions: ["@shoal/source"] } },
};

export default defineConfig({
  test: {
    projects: [
      {
        ...source,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "test/*.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        ...source,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 240_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
