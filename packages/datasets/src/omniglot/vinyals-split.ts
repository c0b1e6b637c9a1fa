import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import { splits } from "../formats/splits.ts";
import type { ClassSplit } from "../split-classes.ts";
import { omniglotDirVariable } from "./parts.ts";

/** Where the lists lie below the named directory. */
const listFolders = ["splits/vinyals", "omniglot/splits/vinyals", "omniglot-py/splits/vinyals"];
const listNames = { train: "train.txt", validation: "val.txt", test: "test.txt" } as const;

/** A split whose classes are characters in one of four quarter turns. */
export interface TurnedSplit extends ClassSplit {
  /** Counter-clockwise quarter turns of each class of each split. */
  readonly turns: ClassSplit;
}

/**
 * The split of Vinyals et al. 2016 from the user's lists: `splits/vinyals/{train,val,test}.txt`, lines such as
 * `Angelic/character01/rot090`, each a class of its own. It is not disjoint in alphabets.
 *
 * @param areTurned false: only characters that are not turned (`rot000`)
 * @throws {ShoalError} E_DATASET_MISSING, E_DATASET_CONTENT with the list and the line
 * @see Snell et al. 2017, who publish these lists
 */
export async function readVinyalsSplit(
  directory: string | null,
  classNames: readonly string[],
  areTurned: boolean,
): Promise<TurnedSplit> {
  const indices = new Map(classNames.map((name, i) => [name, i]));
  const lists = await Promise.all(splits.map((split) => readList(directory, listNames[split])));
  const [train, validation, test] = lists.map(({ path, lines }) =>
    parseList(path, lines, indices, areTurned),
  );
  const parts = { train: train!, validation: validation!, test: test! };
  const of = (key: "classes" | "turns") => ({
    train: parts.train[key],
    validation: parts.validation[key],
    test: parts.test[key],
  });
  return { ...of("classes"), turns: of("turns") };
}

async function readList(directory: string | null, name: string): Promise<{ path: string; lines: string[] }> {
  if (directory !== null) {
    for (const folder of listFolders) {
      const path = join(directory, folder, name);
      const text = await readFile(path, "utf8").catch(() => null);
      if (text !== null) return { path, lines: text.split(/\r?\n/).map((line) => line.trim()) };
    }
  }
  throw new ShoalError(
    "E_DATASET_MISSING",
    `omniglot: the split vinyals expects ${listFolders[0]!}/${name} in ${directory ?? "a directory that is named"}; ` +
      `name the directory that has it with --data DIR or ${omniglotDirVariable}`,
  );
}

function parseList(
  path: string,
  lines: readonly string[],
  indices: ReadonlyMap<string, number>,
  areTurned: boolean,
): { readonly classes: readonly number[]; readonly turns: readonly number[] } {
  const classes: number[] = [];
  const turns: number[] = [];
  for (const [i, line] of lines.entries()) {
    if (line === "") continue;
    const match = /^(.+\/character\d+)\/rot(000|090|180|270)$/.exec(line);
    const index = match === null ? undefined : indices.get(match[1]!);
    if (match === null || index === undefined) {
      throw new ShoalError(
        "E_DATASET_CONTENT",
        `${path}: line ${i + 1}: expected Alphabet/characterNN/rotNNN with a character of Omniglot, got ${line}`,
      );
    }
    const turn = Number(match[2]) / 90;
    if (turn !== 0 && !areTurned) continue;
    classes.push(index);
    turns.push(turn);
  }
  return { classes, turns };
}
