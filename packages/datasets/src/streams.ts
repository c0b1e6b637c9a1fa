/**
 * First coordinate of every random stream of this package, so that no two uses of one seed share
 * numbers: `createRandom(seed, stream.episode, splitIndex, episodeIndex)`.
 */
export const stream = {
  episode: 0xda7a_0001,
  split: 0xda7a_0002,
  sinusoid: 0xda7a_0003,
  alphabet: 0xda7a_0004,
  character: 0xda7a_0005,
  glyph: 0xda7a_0006,
  linear: 0xda7a_0007,
  linearTask: 0xda7a_0008,
  binary: 0xda7a_0009,
  binaryTask: 0xda7a_000a,
  mixtureSource: 0xda7a_000b,
  mixtureShape: 0xda7a_000c,
} as const;

/** Second coordinate of an episode's stream: train, validation and test never share numbers. */
export const splitIndex = { train: 0, validation: 1, test: 2 } as const;
