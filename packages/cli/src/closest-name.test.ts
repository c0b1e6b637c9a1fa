import { expect, test } from "vitest";
import { closestName } from "./closest-name.ts";

const names = ["quickstart", "omniglot-5w1s", "omniglot-20w1s-anil", "sinusoid", "mixed"];

// omniglt -> omniglot takes 1 edit, omniglt -> mixed 6, and omniglt -> omniglot-5w1s 6 too.
test.each([
  ["omniglt", "omniglot-5w1s"],
  ["omniglot-20w1s-anl", "omniglot-20w1s-anil"],
  ["mixd", "mixed"],
  ["quikstart", "quickstart"],
  ["sine", "sinusoid"],
])("%s is most likely meant as %s", (text, name) => {
  expect(closestName(text, names)).toBe(name);
});
