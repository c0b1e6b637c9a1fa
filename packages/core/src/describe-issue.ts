import { closest, distance } from "fastest-levenshtein";
import type { z } from "zod";

/** One fault of an experiment as people read it: where, what was expected, what came. */
export function describeIssue(issue: z.core.$ZodIssue, experiment: unknown): string {
  const where = issue.path.map(String).join(".");
  const value = issue.path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined,
    experiment,
  );
  const came = value === undefined ? "nothing" : JSON.stringify(value);
  const field = (expected: string): string =>
    `${where === "" ? "experiment" : where}: expected ${expected}, got ${came}`;
  const oneOf = (choices: readonly string[]): string =>
    `${field(`one of ${choices.join(", ")}`)}${typeof value === "string" ? suggestion(value, choices) : ""}`;
  switch (issue.code) {
    case "too_small":
      return field(`${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}`);
    case "too_big":
      return field(`${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}`);
    case "invalid_type":
      return field(issue.expected === "int" ? "an integer" : `a value of type ${issue.expected}`);
    case "invalid_value":
      return oneOf(issue.values.map(String));
    case "invalid_union":
      return oneOf(choicesOf(issue));
    case "unrecognized_keys":
      return `${where === "" ? "experiment" : where}: has no field ${issue.keys.join(", ")}; take it out`;
    default:
      return where === "" ? issue.message : `${where}: ${issue.message}`;
  }
}

/** `; did you mean maml?`, where less than half of a choice's letters are others. */
function suggestion(value: string, choices: readonly string[]): string {
  if (choices.length === 0) return "";
  const near = closest(value, choices);
  return distance(value, near) < near.length / 2 ? `; did you mean ${near}?` : "";
}

/** The values that a union of literals, or the tag of a tagged union, may take. */
function choicesOf(union: z.core.$ZodIssueInvalidUnion): readonly string[] {
  if ("options" in union && Array.isArray(union.options)) return union.options.map(String);
  return union.errors
    .flat()
    .flatMap((issue) => (issue.code === "invalid_value" ? issue.values.map(String) : []));
}
