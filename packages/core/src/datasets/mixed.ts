import { z } from "zod";
import { cifarFs } from "./cifar-fs.ts";
import { cub } from "./cub.ts";
import { fc100 } from "./fc100.ts";
import { count } from "./fields.ts";
import { glyphs } from "./glyphs.ts";
import { images } from "./images.ts";
import { miniimagenet } from "./miniimagenet.ts";
import { omniglot } from "./omniglot.ts";
import { tieredimagenet } from "./tieredimagenet.ts";

/** More shapes of episodes than these are refused: each is a graph that every thread holds. */
const SHAPES_MAX = 16;

/** What the mixture says for all of its sources. */
const ofEpisodes = {
  ways: true,
  trainWays: true,
  shots: true,
  trainShots: true,
  queries: true,
  evaluationQueries: true,
} as const;
const ofPictures = { ...ofEpisodes, imageSide: true, normalization: true } as const;

const own = {
  /** Of its accuracy in reports, and of its folder below `--data`. Default: the source. */
  name: z.string().min(1).optional(),
  /** Episodes come from a source in proportion to its weight. Default 1. */
  weight: z.number().positive().finite().optional(),
};

const sourceOfImages = z.discriminatedUnion("source", [
  glyphs.schema.omit(ofEpisodes).extend(own),
  omniglot.schema.omit(ofEpisodes).extend(own),
  miniimagenet.schema.omit(ofPictures).extend(own),
  tieredimagenet.schema.omit(ofPictures).extend(own),
  cifarFs.schema.omit(ofPictures).extend(own),
  fc100.schema.omit(ofPictures).extend(own),
  cub.schema.omit(ofPictures).extend(own),
  images.schema.omit(ofPictures).extend(own),
]);

const known = { glyphs, omniglot, miniimagenet, tieredimagenet, "cifar-fs": cifarFs, fc100, cub, images };

/** A source with the values of its defaults where nothing is said. */
function withDefaults(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("source" in value)) return value;
  const name = String(value.source);
  if (!Object.hasOwn(known, name)) return value;
  const defaults = Object.entries(known[name as keyof typeof known].defaults);
  return { ...Object.fromEntries(defaults.filter(([field]) => !(field in ofPictures))), ...value };
}

const schema = z.strictObject({
  source: z.literal("mixed"),
  /** Data sets of images; an episode is of one of them. */
  sources: z.array(z.preprocess(withDefaults, sourceOfImages)).min(1),
  /** Classes per episode: the most, which the head has outputs for. */
  ways: z.int().min(2),
  /** Other numbers of classes that are drawn as often, each below `ways`. */
  fewerWays: z.array(z.int().min(2)).optional(),
  /** Support examples per class, the most; and others that are drawn as often, each below. */
  shots: count,
  fewerShots: z.array(count).optional(),
  /** Query examples per class in training episodes. */
  queries: count,
  /** Query examples per class in evaluation episodes. */
  evaluationQueries: count,
  /** Height and width that all images are brought to, in pixels. */
  imageSide: z.int().min(8).max(512),
  /** 1: colours become grey. 3: grey is repeated. */
  channels: z.union([z.literal(1), z.literal(3)]),
  /** Of all images: byte / 255, or then minus ImageNet's mean, over its standard deviation. */
  normalization: z.enum(["unit", "imagenet"]),
});

type Mixed = z.infer<typeof schema>;

const defaults: Mixed = {
  source: "mixed",
  sources: [withDefaults({ source: "omniglot" }), withDefaults({ source: "glyphs" })] as Mixed["sources"],
  ways: 5,
  shots: 1,
  queries: 1,
  evaluationQueries: 1,
  imageSide: 28,
  channels: 1,
  normalization: "unit",
};

/** Tells `fault` what does not fit together; paths start at the experiment. */
export function checkMixed(dataset: Mixed, fault: (path: string, message: string) => void): void {
  for (const [field, most] of [
    ["fewerWays", dataset.ways],
    ["fewerShots", dataset.shots],
  ] as const) {
    const fewer = dataset[field] ?? [];
    const wrong = fewer.find((value, i) => value >= most || fewer.indexOf(value) !== i);
    if (wrong === undefined) continue;
    const name = field === "fewerWays" ? "ways" : "shots";
    fault(
      `dataset.${field}`,
      `expected different numbers below ${most} (the ${name}), got ${fewer.join(", ")}`,
    );
  }
  const { fewerWays = [], fewerShots = [] } = dataset;
  const shapes = (1 + fewerWays.length) * (1 + fewerShots.length);
  if (shapes > SHAPES_MAX) {
    fault(
      "dataset.fewerWays",
      `expected at most ${SHAPES_MAX} pairs of ways and shots, each of which is a graph of its own, got ${shapes}; ` +
        "name fewer ways or shots",
    );
  }
  const seen = new Set<string>();
  dataset.sources.forEach((part, i) => {
    const { source, name = source } = part;
    if (!/^[\w.-]+$/.test(name)) {
      fault(
        `dataset.sources.${i}.name`,
        `expected letters, digits, points, dashes or underscores, got ${JSON.stringify(name)}`,
      );
    }
    if (seen.has(name)) {
      fault(`dataset.sources.${i}`, `expected a name of its own, got ${name} again; give it another name`);
    }
    seen.add(name);
    // Two splits of one set would put the test classes of one among the training classes of the other.
    const isAgain =
      source !== "images" && dataset.sources.findIndex((other) => other.source === source) !== i;
    if (isAgain) {
      fault(
        `dataset.sources.${i}.source`,
        `expected each data set once, since two splits of ${source} would share classes, got it again; leave it out`,
      );
    }
  });
}

export const mixed = { schema, defaults };
