import type { Graph } from "../graph.ts";
import { type Node, type Primitive, type Shape, sameShape, type Window } from "../node.ts";
import { isHalving } from "./lower-pools.ts";

/** Height and width of the images of a tensor that is split, before splitting. */
export interface Split {
  readonly height: number;
  readonly width: number;
}

/**
 * The tensors that go through a 2x2 max-pool of stride 2 and can be kept as four parts from where they are
 * made to where they end, with the sides of their images.
 *
 * A set of tensors that depend on each other is split as a whole or not at all, so no part is ever put
 * together again: it must be made by convolutions, products of rows and the pool's own adjoint, and end in
 * sums over positions, gradients of convolutions and the pool.
 */
export function findSplits(graph: Graph, order: readonly Node[]): ReadonlyMap<Node, Split> {
  const users = new Map<Node, Node[]>();
  for (const node of order) {
    for (const input of node.inputs) users.set(input, [...(users.get(input) ?? []), node]);
  }
  const results = new Set(graph.results);
  const splits = new Map<Node, Split>();
  const seen = new Set<Node>();
  for (const node of order) {
    if (node.op !== "poolSelect" && node.op !== "poolScatter") continue;
    const [reference, dy] = node.inputs as [Node, Node];
    if (seen.has(reference)) continue;
    seen.add(reference);
    const split = { height: reference.shape.at(-3)!, width: reference.shape.at(-2)! };
    const pooled = node.op === "poolSelect" ? node : dy;
    if (!fits(node.attributes.window, pooled.shape, split)) continue;
    const found = spread(reference, split, users, results);
    for (const member of found ?? []) {
      seen.add(member);
      splits.set(member, split);
    }
  }
  return splits;
}

/** All that must be split with `start`, or null if something in it cannot be. */
function spread(
  start: Node,
  split: Split,
  users: ReadonlyMap<Node, readonly Node[]>,
  results: ReadonlySet<Node>,
): ReadonlySet<Node> | null {
  const members = new Set<Node>([start]);
  for (const node of members) {
    if (results.has(node) || formOf(node.shape, split) === null) return null;
    const before = partnersBefore(node, split);
    if (before === null) return null;
    for (const partner of before) members.add(partner);
    for (const user of users.get(node) ?? []) {
      const after = partnersAfter(user, node, split);
      if (after === null) return null;
      for (const partner of after) members.add(partner);
    }
  }
  return members;
}

/** Positions as two axes, `[..., H, W, C]`, or as rows of whole images, `[..., images * H * W, C]`. */
function formOf(shape: Shape, { height, width }: Split): "image" | "rows" | null {
  if (shape.length >= 3 && shape.at(-3) === height && shape.at(-2) === width) return "image";
  return shape.length >= 2 && shape.at(-2)! % (height * width) === 0 ? "rows" : null;
}

const elementwise: ReadonlySet<Primitive> = new Set<Primitive>([
  ...([
    "neg",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "sin",
    "cos",
    "atan",
    "tanh",
    "sigmoid",
    "erf",
  ] as const),
  ...([
    "relu",
    "abs",
    "sign",
    "floor",
    "add",
    "sub",
    "mul",
    "div",
    "max",
    "min",
    "pow",
    "equal",
    "less",
  ] as const),
  ...(["lessEqual", "and", "or", "not", "select", "cast"] as const),
]);

/** The inputs that are split where `node` is, or null if it cannot be made in parts. */
function partnersBefore(node: Node, split: Split): readonly Node[] | null {
  switch (node.op) {
    case "conv":
      return isPlain(node.attributes.window) ? [] : null;
    case "poolScatter":
      return fits(node.attributes.window, node.inputs[1]!.shape, split) ? [node.inputs[0]!] : null;
    case "reshape":
      return node.inputs[0]!.shape.at(-1) === node.shape.at(-1) ? [node.inputs[0]!] : null;
    case "matMul":
      return node.attributes.transposeA || formOf(node.shape, split) !== "rows" ? null : [node.inputs[0]!];
    default:
      return elementwise.has(node.op) ? fullOperands(node, split) : null;
  }
}

/** What is split where `input` of `user` is, or null if `user` needs it whole. */
function partnersAfter(user: Node, input: Node, split: Split): readonly Node[] | null {
  const [first, second] = user.inputs as [Node, Node];
  switch (user.op) {
    case "reshape":
      return [user];
    case "reduceSum": {
      const rank = input.shape.length;
      const positions = formOf(input.shape, split) === "image" ? [rank - 3, rank - 2] : [rank - 2];
      return positions.every((axis) => user.attributes.axes.includes(axis)) ? [] : null;
    }
    case "poolSelect":
      return fits(user.attributes.window, user.shape, split) ? [first, second] : null;
    case "poolScatter":
      return input === first && input !== second ? [user] : null;
    case "convFilterGrad":
      return input === second && input !== first && isPlain(user.attributes.window) ? [] : null;
    case "convInputGrad":
      return input === first && input !== second && isPlain(user.attributes.window) ? [] : null;
    case "matMul": {
      const { transposeA, transposeB } = user.attributes;
      if (!transposeA) return input === first && input !== second ? [user] : null;
      return transposeB ? null : [first, second];
    }
    default:
      return elementwise.has(user.op) ? [user] : null;
  }
}

/** The operands with a value per position; null if one differs along one axis of positions alone. */
function fullOperands(node: Node, split: Split): readonly Node[] | null {
  const axes = formOf(node.shape, split) === "image" ? [-3, -2] : [-2];
  const full: Node[] = [];
  for (const operand of node.inputs) {
    const sides = axes.map((axis) => operand.shape.at(axis) ?? 1);
    if (
      sameShape(
        sides,
        axes.map((axis) => node.shape.at(axis)!),
      )
    )
      full.push(operand);
    else if (sides.some((side) => side !== 1)) return null;
  }
  return full;
}

/** True for a pool whose windows tile the images. */
function fits(window: Window, pooled: Shape, { height, width }: Split): boolean {
  return isHalving(window) && height === 2 * pooled.at(-3)! && width === 2 * pooled.at(-2)!;
}

function isPlain({ strides }: Window): boolean {
  return strides[0] === 1 && strides[1] === 1;
}
