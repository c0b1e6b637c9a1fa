import type { Split } from "@shoal/core";
import type { Collection } from "../collection.ts";
import { splits } from "../formats/splits.ts";

/** Classes and images of the published splits. */
export type Published = Readonly<Record<Split, Counts>>;

export interface Counts {
  readonly classes: number;
  readonly images: number;
}

/**
 * How a collection differs from the published one: one sentence each, none if it has the published counts.
 *
 * A collection without splits, or of a set that was published without, is compared as a whole.
 */
export function deviationsOf(
  collection: Collection,
  { published, publishedAsWhole }: { published: Published | null; publishedAsWhole?: Counts },
): string[] {
  const counts = imageCounts(collection);
  const { classes } = collection;
  const isWhole = published === null || classes.every(({ split }) => split === null);
  const whole = publishedAsWhole ?? (published === null ? null : sumOf(published));
  if (isWhole && whole === null) return [];
  const parts = isWhole
    ? [{ name: "the set", of: () => true, expected: whole! }]
    : splits.map((split) => ({
        name: split,
        of: (c: number) => classes[c]!.split === split,
        expected: published[split],
      }));
  return parts.flatMap(({ name, of, expected }) => {
    const members = Array.from(classes.keys()).filter(of);
    const images = members.reduce((sum, c) => sum + counts[c]!, 0);
    if (members.length === expected.classes && images === expected.images) return [];
    return [
      `${name}: expected ${expected.classes} classes with ${expected.images} images, ` +
        `got ${members.length} with ${images}${smallest(collection, counts, members, expected)}`,
    ];
  });
}

/** Images of each class. */
export function imageCounts({ classes, labels }: Collection): number[] {
  const counts = new Array<number>(classes.length).fill(0);
  for (let i = 0; i < labels.length; i++) counts[labels[i]!]!++;
  return counts;
}

/** Names the smallest class where all published classes have the same number of images. */
function smallest(
  { classes }: Collection,
  counts: readonly number[],
  members: readonly number[],
  expected: Counts,
): string {
  const each = expected.images / expected.classes;
  const least = members.toSorted((a, b) => counts[a]! - counts[b]!)[0];
  if (!Number.isInteger(each) || least === undefined || counts[least] === each) return "";
  return ` (${classes[least]!.name} has ${counts[least]} of ${each})`;
}

function sumOf(published: Published): Counts {
  const parts = Object.values(published);
  return {
    classes: parts.reduce((sum, { classes }) => sum + classes, 0),
    images: parts.reduce((sum, { images }) => sum + images, 0),
  };
}
