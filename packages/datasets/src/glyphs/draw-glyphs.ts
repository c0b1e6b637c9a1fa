import { createRandom } from "@shoal/core/outer";
import type { OnDatasetEvent } from "../dataset-event.ts";
import { createImageStore, type ImageStore } from "../images/image-store.ts";
import { stream } from "../streams.ts";
import { drawAlphabet } from "./alphabet.ts";
import { drawCharacters } from "./character.ts";
import { write } from "./handwriting.ts";
import { rasterize } from "./rasterize.ts";

export const alphabetCount = 50;
export const charactersPerAlphabet = 20;
export const glyphInstances = 20;
const side = 28;

/** There is one set of glyphs, as there is one Omniglot; this seed is part of it, not of a run. */
const glyphsSeed = 1;

/** Raised when any pixel changes. */
export const glyphsRecipe = "glyphs/2";
export const glyphsOrigin = `seed ${glyphsSeed}`;

/**
 * Draws the glyphs: 50 alphabets x 20 characters x 20 instances, 28 x 28, named `alphabet07/character13`.
 *
 * Each alphabet, character and instance has a random stream of its own, so any of them could be
 * drawn alone. 20,000 glyphs take about half a second.
 */
export function drawGlyphs(onEvent: OnDatasetEvent): ImageStore {
  const glyphBytes = side * side;
  const glyphsPerAlphabet = charactersPerAlphabet * glyphInstances;
  const pixels = new Uint8Array(alphabetCount * glyphsPerAlphabet * glyphBytes);
  const classNames: string[] = [];
  for (let a = 0; a < alphabetCount; a++) {
    const alphabet = drawAlphabet(createRandom(glyphsSeed, stream.alphabet, a));
    const characters = drawCharacters(
      alphabet,
      charactersPerAlphabet,
      createRandom(glyphsSeed, stream.character, a),
    );
    characters.forEach((character, c) => {
      classNames.push(`alphabet${twoDigits(a + 1)}/character${twoDigits(c + 1)}`);
      for (let i = 0; i < glyphInstances; i++) {
        const random = createRandom(glyphsSeed, stream.glyph, a, c, i);
        const glyph = (a * charactersPerAlphabet + c) * glyphInstances + i;
        const target = pixels.subarray(glyph * glyphBytes, (glyph + 1) * glyphBytes);
        rasterize(write(character, alphabet, side, random), side, target);
      }
    });
    onEvent({
      type: "progress",
      stage: "draw",
      what: "glyphs",
      done: (a + 1) * glyphsPerAlphabet,
      total: alphabetCount * glyphsPerAlphabet,
      unit: "images",
    });
  }
  return createImageStore({
    recipe: glyphsRecipe,
    origin: glyphsOrigin,
    height: side,
    width: side,
    examplesPerClass: glyphInstances,
    classNames,
    pixels,
  });
}

function twoDigits(n: number): string {
  return String(n).padStart(2, "0");
}
