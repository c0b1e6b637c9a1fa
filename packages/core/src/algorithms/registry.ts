import type { z } from "zod";
import type { Algorithm, AlgorithmContext, Companions, Surroundings } from "./algorithm.ts";
import { anil } from "./anil.ts";
import { boil } from "./boil.ts";
import { cavia } from "./cavia.ts";
import { fomaml } from "./fomaml.ts";
import { imaml } from "./imaml.ts";
import { joint } from "./joint.ts";
import { maml } from "./maml.ts";
import { mamlPlusPlus } from "./maml-plus-plus.ts";
import { matchingnet } from "./matchingnet.ts";
import { metaSgd } from "./meta-sgd.ts";
import { protonet } from "./protonet.ts";
import { reptile } from "./reptile.ts";
import { scratch } from "./scratch.ts";

/** Every algorithm. Adding one is its file and its line here. */
const definitions = [
  maml,
  fomaml,
  reptile,
  anil,
  boil,
  metaSgd,
  mamlPlusPlus,
  cavia,
  imaml,
  protonet,
  matchingnet,
  joint,
  scratch,
] as const;

type SchemasOf<Definitions> = {
  readonly [K in keyof Definitions]: Definitions[K] extends { readonly schema: infer Schema }
    ? Schema
    : never;
};
type Schemas = SchemasOf<typeof definitions>;

/** One member of the experiment's union for each algorithm, in the order of the list. */
export const algorithmSchemas = definitions.map(({ schema }) => schema) as unknown as Schemas;

/** The algorithm's section of an experiment. */
export type AlgorithmConfig = z.infer<Schemas[number]>;

/** A definition whose configuration is known only by its `type`. */
interface AnyDefinition {
  readonly name: AlgorithmConfig["type"];
  readonly defaults: { readonly [field: string]: unknown };
  readonly inherited: readonly string[];
  readonly companions?: Companions;
  readonly fitsAnyWays?: true;
  readonly schema: { readonly shape: { readonly [field: string]: unknown } };
  describe(config: AlgorithmConfig): string;
  check?(config: AlgorithmConfig, around: Surroundings, fault: (path: string, message: string) => void): void;
  create(config: AlgorithmConfig, context: AlgorithmContext): Algorithm;
}

/** Every algorithm, in the order in which people read of them. */
export const algorithms = definitions as readonly unknown[] as readonly AnyDefinition[];

/** The definition that `type` names. */
export function algorithmOf({ type }: AlgorithmConfig): AnyDefinition {
  return algorithms.find(({ name }) => name === type)!;
}

/**
 * The section of the algorithm `name`, with the values of `before` where they mean the same.
 *
 * @param before the section of another algorithm, perhaps not checked yet
 */
export function switchAlgorithm(
  name: AlgorithmConfig["type"],
  before: { readonly [field: string]: unknown },
): { readonly [field: string]: unknown } {
  const { defaults, inherited } = algorithmOf({ type: name } as AlgorithmConfig);
  const taken = inherited.flatMap((field) => (field in before ? [[field, before[field]]] : []));
  return { type: name, ...defaults, ...(Object.fromEntries(taken) as object) };
}
