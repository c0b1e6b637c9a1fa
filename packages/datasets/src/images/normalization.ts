/** How bytes become the numbers that a model sees. */
export type Normalization = "unit" | "imagenet";

/** Mean and standard deviation of ImageNet's red, green and blue, as torchvision's models take them. */
const imagenetMean = [0.485, 0.456, 0.406] as const;
const imagenetStd = [0.229, 0.224, 0.225] as const;

/**
 * The float32 of each byte, per channel: `table[channel][byte]`.
 *
 * `unit`: the float32 nearest to byte / 255. `imagenet`: (byte / 255 - mean) / std, rounded once; a grey
 * image takes the average of the three means and deviations.
 */
export function normalizationTables(normalization: Normalization, channels: number): readonly Float32Array[] {
  return Array.from({ length: channels }, (_, channel) => {
    if (normalization === "unit") return Float32Array.from({ length: 256 }, (_, byte) => byte / 255);
    const { mean, std } = normalizationStatistics(channel, channels);
    return Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - mean) / std);
  });
}

/** A value that was normalized, back in [0, 1] for drawing. */
export function denormalize(value: number, normalization: Normalization, channel: number, channels: number) {
  if (normalization === "unit") return value;
  const { mean, std } = normalizationStatistics(channel, channels);
  return Math.min(1, Math.max(0, value * std + mean));
}

/** ImageNet's mean and deviation of one channel; of grey, the averages over the three. */
export function normalizationStatistics(
  channel: number,
  channels: number,
): { readonly mean: number; readonly std: number } {
  if (channels === 3) return { mean: imagenetMean[channel]!, std: imagenetStd[channel]! };
  const average = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean: average(imagenetMean), std: average(imagenetStd) };
}
