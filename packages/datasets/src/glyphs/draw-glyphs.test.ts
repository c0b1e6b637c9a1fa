import { createRandom } from "@shoal/core/outer";
import { expect, test } from "vitest";
import type { DatasetEvent } from "../dataset-event.ts";
import { drawAlphabet } from "./alphabet.ts";
import { drawCharacters } from "./character.ts";
import { drawGlyphs } from "./draw-glyphs.ts";

const events: DatasetEvent[] = [];
const store = drawGlyphs((event) => events.push(event));
const glyphBytes = 28 * 28;
const glyph = (index: number) => store.pixels.subarray(index * glyphBytes, (index + 1) * glyphBytes);

// Recorded once. All arithmetic is exact or correctly rounded, so every machine draws these bytes.
test("the glyphs have the same bytes on every machine", () => {
  expect(store.contentHash).toBe("c6855fa11023a2255597b5b835e4718ba9287e7403f49d9e7906b85d63ef9348");
});

test("there are 50 alphabets x 20 characters x 20 instances, with sorted names", () => {
  expect(store.classNames).toHaveLength(1000);
  expect(store.classNames.slice(19, 21)).toEqual(["alphabet01/character20", "alphabet02/character01"]);
  expect(store.classNames.toSorted()).toEqual(store.classNames);
  expect(store.pixels).toHaveLength(1000 * 20 * glyphBytes);
  expect(events.at(-1)).toMatchObject({ type: "progress", stage: "draw", done: 20_000, total: 20_000 });
});

test("every glyph shows ink, on mostly empty paper, and no two instances are the same", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    const ink = glyph(i).reduce((sum, byte) => sum + byte, 0) / 255;
    // A pen of 0.8 px that moves 5 px; three quarters of 784 pixels.
    expect(ink).toBeGreaterThan(4);
    expect(ink).toBeLessThan(588);
    seen.add(Buffer.from(glyph(i)).toString("latin1"));
  }
  expect(seen.size).toBe(20_000);
});

test("instances of one character are nearer to each other than to other characters", () => {
  const distance = (a: number, b: number) => {
    const [x, y] = [glyph(a), glyph(b)];
    return Math.sqrt(x.reduce((sum, byte, i) => sum + (byte / 255 - y[i]! / 255) ** 2, 0));
  };
  let [same, other] = [0, 0];
  for (let character = 0; character < 1000; character++) {
    same += distance(20 * character, 20 * character + 1);
    other += distance(20 * character, (20 * character + 20 * 37) % 20_000);
  }
  expect(same).toBeLessThan(0.95 * other);
});

test("no character is a lone straight line, and none of an alphabet is drawn twice", () => {
  for (let seed = 0; seed < 50; seed++) {
    const alphabet = drawAlphabet(createRandom(seed, 1));
    const characters = drawCharacters(alphabet, 20, createRandom(seed, 2));
    expect(new Set(characters.map((character) => JSON.stringify(character))).size).toBe(20);
    for (const [stroke, second] of characters) {
      const isLine = new Set(stroke!.points).size === 2;
      expect(isLine && second === undefined).toBe(false);
      expect(stroke!.points.every((point) => point >= 0 && point < alphabet.gridSide ** 2)).toBe(true);
    }
  }
});
