/**
 * Gradients whose floats are all bfloat16, in half the bytes.
 *
 * A bfloat16 is a float32 whose lower 16 bits are 0. Nothing is rounded here: a gradient is packed if that loses
 * no bit of it, so who unpacks it has the same bits as one that was sent it in full.
 */

/**
 * The body of a result with its gradient, the floats from `gradientAt` on, in bfloat16: two to a float's place, the
 * first in its lower half, and zeros in the last place of an odd number. Null where that would lose bits, or where
 * there is no gradient.
 */
export function packGradient(body: Float32Array, gradientAt: number): Float32Array | null {
  const bits = bitsOf(body.subarray(gradientAt));
  if (bits.length === 0) return null;
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & 0xffff) !== 0) return null;
  const packed = new Float32Array(gradientAt + placesOf(bits.length));
  packed.set(body.subarray(0, gradientAt));
  const halves = halvesOf(packed.subarray(gradientAt));
  for (let i = 0; i < bits.length; i++) halves[i] = bits[i]! >>> 16;
  return packed;
}

/**
 * The body that was packed, with a gradient of `floats` floats; null if `packed` cannot be one: it has another
 * length. Memory is taken for at most twice of what came.
 */
export function unpackGradient(
  packed: Float32Array,
  gradientAt: number,
  floats: number,
): Float32Array | null {
  if (packed.length !== gradientAt + placesOf(floats)) return null;
  const body = new Float32Array(gradientAt + floats);
  body.set(packed.subarray(0, gradientAt));
  const bits = bitsOf(body.subarray(gradientAt));
  const halves = halvesOf(packed.subarray(gradientAt));
  for (let i = 0; i < bits.length; i++) bits[i] = halves[i]! << 16;
  return body;
}

function placesOf(floats: number): number {
  return Math.ceil(floats / 2);
}

function bitsOf(floats: Float32Array): Uint32Array {
  return new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
}

function halvesOf(floats: Float32Array): Uint16Array {
  return new Uint16Array(floats.buffer, floats.byteOffset, 2 * floats.length);
}
