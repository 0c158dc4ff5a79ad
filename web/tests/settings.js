/**
 * Train the page's first network with given settings, as the page does, and report its accuracy on the test digits:
 * `node settings.js < {packed, tries: [{settings, seeds}], images: [counts]} > one JSON array a line`.
 */
"use strict";
const convlab = require("../node.js");
const PRESET = [
  { kind: "Conv2D", filters: 8, kernelSize: 5, stride: 1, padding: "valid" }, { kind: "ReLU" },
  { kind: "MaxPool2D", size: 2, stride: 2, padding: "valid" },
  { kind: "Conv2D", filters: 16, kernelSize: 5, stride: 1, padding: "valid" }, { kind: "ReLU" },
  { kind: "MaxPool2D", size: 2, stride: 2, padding: "valid" },
  { kind: "Flatten" }, { kind: "Dense", units: 10 },
];

/** Return the accuracy after each number of images, and the processor's seconds of training until then. */
async function curve(packed, { rule, learningRate, batchSize, shift, fall, average }, seed, counts) {
  const found = [];
  const trainer = new convlab.Trainer((report) => {
    if (report.type === "refused") throw new Error(report.message);
    if (report.type === "evaluated") found.push(report.accuracy);
  });
  const options = { rule, learningRate, batchSize, seed, input: [28, 28, 1], classes: 10 };
  await trainer.handle({ type: "data", name: "digits", packed });
  await trainer.handle({ type: "build", build: 1, layers: PRESET, options, shift, fall, average });
  const seconds = [];
  let used = 0;
  for (const count of counts) {
    const before = process.cpuUsage();
    await trainer.handle({ type: "steps", count: Math.ceil((count - trainer.seen) / batchSize) });
    const { user, system } = process.cpuUsage(before);
    used += (user + system) / 1e6;
    seconds.push(Number(used.toFixed(2)));
    await trainer.handle({ type: "evaluate" });
  }
  return { seed, images: counts, accuracy: found, seconds };
}

async function main() {
  let text = "";
  for await (const part of process.stdin) text += part;
  const { packed, tries, images } = JSON.parse(text);
  for (const { settings, seeds } of tries) {
    const curves = [];
    for (const seed of seeds) curves.push(await curve(packed, settings, seed, images));
    process.stdout.write(`${JSON.stringify({ settings, curves })}\n`);
  }
}

main();
