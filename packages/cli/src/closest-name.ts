import { distance } from "fastest-levenshtein";

/**
 * The name that a person most likely meant: the one whose beginning takes the fewest edits. Presets have long
 * names with the telling part first, and counted whole `omniglt` would be nearer to `mixed` than to `omniglot-5w1s`.
 *
 * @param names at least one; the first of equals is taken, and the shorter one of names that begin alike
 */
export function closestName(text: string, names: readonly string[]): string {
  const editsOf = (name: string): number =>
    Math.min(...[0, 1, 2].map((more) => distance(text, name.slice(0, text.length + more)))) +
    distance(text, name) / 100;
  return names.reduce((best, name) => (editsOf(name) < editsOf(best) ? name : best));
}
