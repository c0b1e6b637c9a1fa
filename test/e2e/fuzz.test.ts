import { expect, test } from "vitest";
import { fuzz } from "../../bench/fuzz/fuzz.mjs";

const SEED = 1;

// Thousands here; `node bench/fuzz/fuzz.mjs` sends 100,000.
test(`3,000 malformed frames of seed ${SEED} close their connections and change no bit of the run`, async () => {
  const { frames, open, outcome, paramsHash, quietParamsHash } = await fuzz({ frames: 3_000, seed: SEED });
  expect(frames).toBeGreaterThanOrEqual(3_000);
  expect({ open, outcome }).toEqual({ open: {}, outcome: "stopped" });
  expect(paramsHash).toBe(quietParamsHash);
});
