import sharp from "sharp";
import { denormalize, type Normalization } from "./images/normalization.ts";

/**
 * One example as PNG: grey images as ink black on white, colours as they are.
 *
 * @param pixels float32 `[height, width, channels]`
 * @param normalization how the numbers came from bytes
 */
export function drawExample(
  pixels: Float32Array,
  [height, width, channels]: readonly number[],
  normalization: Normalization,
): Promise<Buffer> {
  const bytes = Uint8Array.from(pixels, (value, k) => {
    const share = denormalize(value, normalization, k % channels!, channels!);
    return Math.round(255 * (channels === 1 ? 1 - share : share));
  });
  return sharp(bytes, { raw: { width: width!, height: height!, channels: channels as 1 | 3 } })
    .png()
    .toBuffer();
}
