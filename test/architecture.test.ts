import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";
import { describe, expect, test } from "vitest";

const packages = join(dirname(dirname(fileURLToPath(import.meta.url))), "packages");

/** What a package may import of its siblings: everything, or types alone. */
const siblings: Record<string, Record<string, "values" | "types">> = {
  graph: {},
  protocol: {},
  core: { "@shoal/graph": "values" },
  datasets: { "@shoal/core": "types", "@shoal/core/outer": "values" },
  // Never tensors: no graph, and of core the part without any.
  coordinator: { "@shoal/core/outer": "values", "@shoal/protocol": "values" },
  worker: {
    "@shoal/core": "values",
    "@shoal/core/outer": "values",
    "@shoal/graph": "values",
    "@shoal/graph/run": "values",
    "@shoal/protocol": "values",
  },
  simulator: {
    "@shoal/coordinator": "values",
    "@shoal/core/outer": "values",
    "@shoal/protocol": "values",
    "@shoal/worker": "values",
  },
  cli: {
    "@shoal/coordinator": "values",
    "@shoal/core": "values",
    "@shoal/core/outer": "values",
    "@shoal/datasets": "values",
    "@shoal/graph": "values",
    "@shoal/graph/run": "values",
    "@shoal/protocol": "values",
    "@shoal/simulator": "values",
    "@shoal/worker": "values",
  },
};

const linesMax = 400;

interface Import {
  readonly from: string;
  readonly isTypes: boolean;
}

interface Source {
  /** Below `packages`. */
  readonly path: string;
  readonly package: string;
  readonly text: string;
  readonly imports: readonly Import[];
  readonly exportsAll: boolean;
}

function read(path: string): Source {
  const text = readFileSync(join(packages, path), "utf8");
  const { module, errors } = parseSync(path, text);
  expect(errors).toEqual([]);
  const imports = module.staticImports.map(({ moduleRequest, entries }) => ({
    from: moduleRequest.value,
    isTypes: entries.length > 0 && entries.every(({ isType }) => isType),
  }));
  const reexports = module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest, isType }) =>
      moduleRequest === null ? [] : [{ from: moduleRequest.value, isTypes: isType }],
    ),
  );
  const exportsAll = module.staticExports.some(({ entries }) =>
    entries.some(({ importName }) => importName.kind.startsWith("All")),
  );
  return { path, package: path.split("/")[0]!, text, imports: [...imports, ...reexports], exportsAll };
}

const sources = Object.keys(siblings).flatMap((name) =>
  readdirSync(join(packages, name, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => read(`${name}/src/${file}`)),
);

test("every package is listed here", () => {
  expect(readdirSync(packages).sort()).toEqual(Object.keys(siblings).sort());
  expect(sources.length).toBeGreaterThan(100);
});

describe.each(Object.keys(siblings))("%s", (name) => {
  const own = sources.filter((source) => source.package === name);

  test("imports only the siblings below it", () => {
    const wrong = own.flatMap(({ path, imports }) =>
      imports
        .filter(({ from }) => from.startsWith("@shoal/"))
        .filter(({ from, isTypes }) => {
          const allowed = siblings[name]![from];
          return allowed === undefined || (allowed === "types" && !isTypes);
        })
        .map(({ from }) => `${path} imports ${from}`),
    );
    expect(wrong).toEqual([]);
  });

  test("names files by what they hold, and keeps them short", () => {
    expect(own.filter(({ text }) => text.split("\n").length > linesMax).map(({ path }) => path)).toEqual([]);
    expect(
      own.filter(({ path }) => /utils?|helpers?|manager|common|misc/i.test(path)).map(({ path }) => path),
    ).toEqual([]);
    expect(own.filter(({ exportsAll }) => exportsAll).map(({ path }) => path)).toEqual([]);
  });

  test.runIf(name !== "cli")("leaves the terminal and the process to cli", () => {
    const writes = /\bconsole\.|process\.(stdout|stderr|exit)\b/;
    const isProduct = (path: string): boolean => !path.endsWith(".test.ts");
    expect(
      own.filter(({ path, text }) => isProduct(path) && writes.test(text)).map(({ path }) => path),
    ).toEqual([]);
  });
});

test("ARCHITECTURE.md names files that exist", () => {
  const text = readFileSync(join(packages, "..", "ARCHITECTURE.md"), "utf8");
  const named = [...text.matchAll(/`(packages\/[\w./-]+|test\/[\w./-]+)`/g)].map(([, path]) => path!);
  expect(named.length).toBeGreaterThan(10);
  for (const path of named) expect(() => readdirOrFile(path)).not.toThrow();
});

function readdirOrFile(path: string): void {
  const full = join(packages, "..", path);
  if (path.endsWith("/")) readdirSync(full);
  else readFileSync(full);
}

describe("ARCHITECTURE.md", () => {
  const root = dirname(packages);
  const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");

  test("names every folder of a package's sources", () => {
    const folders = readdirSync(packages).flatMap((name) =>
      readdirSync(join(packages, name, "src"), { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && entry.name !== "testing")
        .map((entry) => `${name}/src/${entry.name}/`),
    );
    expect(folders.filter((folder) => !text.includes(folder))).toEqual([]);
  });

  test("names no file or folder that is not there", () => {
    const named = [...text.matchAll(/`([a-z0-9-]+\/[\w./-]+)`/g)].map(([, path]) => path!);
    const isThere = (path: string): boolean =>
      existsSync(join(root, path)) || existsSync(join(packages, path));
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((path) => !isThere(path))).toEqual([]);
  });
});
