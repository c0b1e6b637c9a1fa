import type { Split } from "@shoal/core";

/** What people call the splits on disk, the usual name first. */
export const splitNames: Readonly<Record<Split, readonly string[]>> = {
  train: ["train", "base"],
  validation: ["val", "validation", "valid"],
  test: ["test", "novel"],
};

export const splits: readonly Split[] = ["train", "validation", "test"];

/** Asks for each split's place: the first of its names for which `find` answers. */
export async function findSplits<T>(
  find: (name: string) => Promise<T | null>,
): Promise<Readonly<Record<Split, { readonly name: string; readonly found: T } | null>>> {
  const [train, validation, test] = await Promise.all(
    splits.map(async (split) => {
      for (const name of splitNames[split]) {
        const found = await find(name);
        if (found !== null) return { name, found };
      }
      return null;
    }),
  );
  return { train: train!, validation: validation!, test: test! };
}
