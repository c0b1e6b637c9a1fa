// Runs an exported graph with ONNX Runtime alone: node plain-onnx-runtime.mjs MODEL EPISODES.json
// Prints the predictions of every episode as one JSON array.
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";

const [model = "", episodes = ""] = process.argv.slice(2);
const session = await ort.InferenceSession.create(model);
const answers = [];
for (const { support, labels, query, image } of JSON.parse(readFileSync(episodes, "utf8"))) {
  const images = (/** @type {number[]} */ values) =>
    new ort.Tensor("float32", Float32Array.from(values), [values.length / (image * image), image, image, 1]);
  const result = await session.run({
    support_images: images(support),
    support_labels: new ort.Tensor("int32", Int32Array.from(labels), [labels.length]),
    query_images: images(query),
  });
  answers.push(Array.from(/** @type {Int32Array} */ (result.predictions?.data)));
}
process.stdout.write(JSON.stringify(answers));
