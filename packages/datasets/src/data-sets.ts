import type { DatasetName } from "@shoal/core";
import { binary } from "./binary.ts";
import type { ConfigOf, DataSet } from "./data-set.ts";
import { glyphs } from "./glyphs/open-glyphs.ts";
import { linear } from "./linear.ts";
import { mixedDataSet } from "./mixed/mixed-data-set.ts";
import { omniglot } from "./omniglot/open-omniglot.ts";
import { cifarFs } from "./picture-sets/cifar-fs.ts";
import { cub } from "./picture-sets/cub.ts";
import { fc100 } from "./picture-sets/fc100.ts";
import { images } from "./picture-sets/images.ts";
import { miniimagenet } from "./picture-sets/miniimagenet.ts";
import { tieredimagenet } from "./picture-sets/tieredimagenet.ts";
import { sinusoid } from "./sinusoid.ts";

/** Every data set: a file, and a line here. */
const dataSets: { readonly [N in DatasetName]: DataSet<ConfigOf<N>> } = {
  sinusoid,
  linear,
  binary,
  glyphs,
  omniglot,
  miniimagenet,
  tieredimagenet,
  "cifar-fs": cifarFs,
  fc100,
  cub,
  images,
  mixed: mixedDataSet((name) => dataSetOf(name)),
};

export const datasetNames = Object.keys(dataSets) as readonly DatasetName[];

/** The data set of a configuration, whose own kind of configuration it then takes. */
export function dataSetOf(name: DatasetName): DataSet {
  // Sound as long as the configuration handed in is that of `name`.
  return dataSets[name] as unknown as DataSet;
}
