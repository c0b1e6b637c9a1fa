import type { Node } from "./node.ts";

/** The value that every element has, where that is known. */
export function splatValue(node: Node): number | null {
  if (node.op === "constant") return node.attributes.data.length === 1 ? node.attributes.data[0]! : null;
  return node.op === "broadcast" ? splatValue(node.inputs[0]!) : null;
}
