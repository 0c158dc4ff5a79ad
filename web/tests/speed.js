/**
 * Compare the engine with ConvNetJS on one network, in turns: `node speed.js path/to/convnet.js [images]`.
 *
 * conv 5×5×8, ReLU, pool 2, conv 5×5×16, ReLU, pool 2, softmax over 10; images of 28×28, batches of 32, gradient
 * descent with momentum. Prints images a second, of the clock and of the processor, and their ratio, round by round.
 */
"use strict";
const convlab = require("../node.js");

const BATCH = 32;
const [file, count = 1024] = process.argv.slice(2);
const images = new Float32Array(BATCH * 784).map(() => Math.random());
const labels = Uint8Array.from({ length: BATCH }, (_, i) => i % 10);

/** Return a function that trains our engine on one batch, with or without WebAssembly. */
function ours(wasm) {
  const conv = (filters) => ({ kind: "Conv2D", filters, kernelSize: 5, stride: 1, padding: "valid" });
  const pool = { kind: "MaxPool2D", size: 2, stride: 2, padding: "valid" };
  const layers = [conv(8), { kind: "ReLU" }, pool, conv(16), { kind: "ReLU" }, pool, { kind: "Flatten" }, { kind: "Dense", units: 10 }];
  const options = { input: [28, 28, 1], classes: 10, batchSize: BATCH, rule: "Momentum", learningRate: 0.001, seed: 0, wasm };
  const network = new convlab.Network(layers, options);
  if (network.wasm !== wasm) throw new Error(`WebAssembly is ${network.wasm}, not ${wasm}`);
  return () => network.step(images, labels);
}

/** Return a function that trains ConvNetJS on one batch. */
function theirs() {
  const convnetjs = require(require("path").resolve(file));
  const net = new convnetjs.Net();
  net.makeLayers([
    { type: "input", out_sx: 28, out_sy: 28, out_depth: 1 },
    { type: "conv", sx: 5, filters: 8, stride: 1, pad: 0, activation: "relu" }, { type: "pool", sx: 2, stride: 2 },
    { type: "conv", sx: 5, filters: 16, stride: 1, pad: 0, activation: "relu" }, { type: "pool", sx: 2, stride: 2 },
    { type: "softmax", num_classes: 10 },
  ]);
  const options = { method: "sgd", learning_rate: 0.001, momentum: 0.9, batch_size: BATCH, l2_decay: 0 };
  const trainer = new convnetjs.SGDTrainer(net, options);
  const volumes = Array.from({ length: BATCH }, (_, n) => {
    const volume = new convnetjs.Vol(28, 28, 1, 0);
    for (let i = 0; i < 784; i++) volume.w[i] = images[n * 784 + i];
    return volume;
  });
  return () => volumes.forEach((volume, n) => trainer.train(volume, labels[n]));
}

/** Return images a second of the clock and of the processor. */
function speed(step) {
  const batches = Math.ceil(Number(count) / BATCH);
  const [begun, used] = [performance.now(), process.cpuUsage()];
  for (let i = 0; i < batches; i++) step();
  const { user, system } = process.cpuUsage(used);
  return { clock: (1000 * batches * BATCH) / (performance.now() - begun), processor: (1e6 * batches * BATCH) / (user + system) };
}

const tried = { convnetjs: theirs(), javascript: ours(false), wasm: ours(true) };
for (const step of Object.values(tried)) for (let i = 0; i < 8; i++) step(); // until the compiler has seen it
for (let round = 1; round <= 3; round++) {
  const found = Object.fromEntries(Object.entries(tried).map(([name, step]) => [name, speed(step)]));
  const line = Object.entries(found).map(([name, { clock, processor }]) => (
    `${name} ${clock.toFixed(0)}/s (${processor.toFixed(0)} per processor second, ${(processor / found.convnetjs.processor).toFixed(1)}x)`));
  process.stdout.write(`${line.join("; ")}\n`);
}
