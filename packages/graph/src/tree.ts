/** Nested arrays and records with leaves of one type; flattened depth first, keys in insertion order. */
export type Tree<T> = T | readonly Tree<T>[] | { readonly [key: string]: Tree<T> };

/** A tree of the same shape as `S` with other leaves. */
export type MapTree<S, From, To> = S extends From
  ? To
  : S extends readonly unknown[]
    ? { [K in keyof S]: MapTree<S[K], From, To> }
    : S extends object
      ? { [K in keyof S]: MapTree<S[K], From, To> }
      : never;

/** A leaf with the way to it: `0/conv1.weights`. The path of a lone leaf is empty. */
export interface PathLeaf<T> {
  readonly path: string;
  readonly leaf: T;
}

export function flattenTree<T>(
  tree: Tree<T>,
  isLeaf: (value: unknown) => value is T,
  path = "",
): readonly PathLeaf<T>[] {
  if (isLeaf(tree)) return [{ path, leaf: tree }];
  const children: [string, Tree<T>][] = Array.isArray(tree)
    ? tree.map((child, index) => [String(index), child])
    : Object.entries(tree as Record<string, Tree<T>>);
  return children.flatMap(([key, child]) => flattenTree(child, isLeaf, path === "" ? key : `${path}/${key}`));
}

/** Builds a tree like `like`, its leaves replaced by `leaves` in flattening order. */
export function unflattenTree<T, U>(
  like: Tree<T>,
  isLeaf: (value: unknown) => value is T,
  leaves: readonly U[],
): Tree<U> {
  let next = 0;
  const rebuild = (tree: Tree<T>): Tree<U> => {
    if (isLeaf(tree)) return leaves[next++]!;
    if (Array.isArray(tree)) return tree.map(rebuild);
    return Object.fromEntries(
      Object.entries(tree as Record<string, Tree<T>>).map(([key, child]) => [key, rebuild(child)]),
    );
  };
  return rebuild(like);
}
