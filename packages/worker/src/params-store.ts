/**
 * The parameters that a worker holds, by version, in memory that all threads share.
 *
 * The latest wins: an older version stays only while a lease waits for it or runs with it (a running job
 * holds its own reference).
 */
export class ParamsStore {
  readonly #versions = new Map<number, SharedArrayBuffer>();
  readonly #waiting = new Map<number, ((params: SharedArrayBuffer) => void)[]>();

  /** Copies `params` into shared memory as `version`. */
  put(version: number, params: Float32Array): void {
    const shared = new SharedArrayBuffer(params.byteLength);
    new Float32Array(shared).set(params);
    this.#versions.clear();
    this.#versions.set(version, shared);
    for (const resolve of this.#waiting.get(version) ?? []) resolve(shared);
    this.#waiting.delete(version);
  }

  /** The parameters of `version`, now or when they come. */
  get(version: number): Promise<SharedArrayBuffer> {
    const here = this.#versions.get(version);
    if (here !== undefined) return Promise.resolve(here);
    return new Promise((resolve) => {
      this.#waiting.set(version, [...(this.#waiting.get(version) ?? []), resolve]);
    });
  }

  /** Forgets all; who waits waits no more. */
  clear(): void {
    this.#versions.clear();
    this.#waiting.clear();
  }
}
