/** Methods that stand in for those of an object. */
interface Replacement {
  readonly object: object;
  readonly methods: { readonly [name: string]: unknown };
}

/**
 * Calls `body` while other methods lie over those of some objects, and takes them off again, also after an
 * error. Calls may nest: the methods come off in reverse order.
 *
 * @param body synchronous
 */
export function withMethods<R>(replacements: readonly Replacement[], body: () => R): R {
  const undo: (() => void)[] = [];
  try {
    for (const { object, methods } of replacements) {
      for (const [name, value] of Object.entries(methods)) {
        const own = Object.getOwnPropertyDescriptor(object, name);
        Object.defineProperty(object, name, { value, configurable: true });
        undo.push(() => {
          if (own === undefined) Reflect.deleteProperty(object, name);
          else Object.defineProperty(object, name, own);
        });
      }
    }
    return body();
  } finally {
    for (const restore of undo.reverse()) restore();
  }
}
