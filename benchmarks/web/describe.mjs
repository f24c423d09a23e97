// Runs a file that `beautylens encoder portable` wrote in the runtime of web browsers.
//
//     node describe.mjs FILE.onnx PICTURE.rgb HEIGHT WIDTH [RUNS]
//
// PICTURE.rgb holds height x width x 3 bytes. Prints one JSON object.
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-web";

const [file, picture, height, width, runs = "1"] = process.argv.slice(2);
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(file)), {
  executionProviders: ["wasm"],
});
const bytes = new Uint8Array(readFileSync(picture));
const input = new ort.Tensor("uint8", bytes, [Number(height), Number(width), 3]);
const spent = [];
let found;
for (let run = 0; run < Number(runs); run += 1) {
  const start = performance.now();
  found = (await session.run({ picture: input })).descriptor;
  spent.push(performance.now() - start);
}
spent.sort((one, other) => one - other);
console.log(
  JSON.stringify({
    descriptor: Array.from(found.data),
    milliseconds: spent[Math.floor(spent.length / 2)],
  }),
);
