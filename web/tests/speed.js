/**
 * Compare the engine with ConvNetJS, in turns, on one network: in a page that has loaded both, or in Node:
 * `node speed.js path/to/convnet.js [small | lecture] [images]`.
 *
 * small: conv 5×5×8, ReLU, pool 2, conv 5×5×16, ReLU, pool 2, softmax over 10. lecture: three times conv 3×3 with 32, 64
 * and 128 filters, ReLU, pool 2, then dense 625 and softmax over 10, the network of lesson 08. Images of 28×28, batches of
 * 32, gradient descent with momentum.
 */
"use strict";

/**
 * Return the images a second of ConvNetJS, of the engine in JavaScript alone and of the engine: a list of rounds,
 * {convnetjs, javascript, wasm} each.
 * @param {object} convlab
 * @param {object} convnetjs
 * @param {object} options - `network`: small or lecture; `images` of a round; `rounds`; `now`: milliseconds so far
 */
globalThis.compareSpeed = function compareSpeed(convlab, convnetjs, { network, images: count, rounds, now }) {
  const BATCH = 32;
  const conv = (filters, size, padding) => ({ filters, size, padding });
  const [convs, dense] = {
    small: [[conv(8, 5, "valid"), conv(16, 5, "valid")], []],
    lecture: [[conv(32, 3, "same"), conv(64, 3, "same"), conv(128, 3, "same")], [625]],
  }[network];
  const random = new convlab.Random(0);
  const images = new Float32Array(BATCH * 784).map(() => random.uniform());
  const labels = Uint8Array.from({ length: BATCH }, (_, i) => i % 10);
  const tried = { convnetjs: theirs(), javascript: ours(false), wasm: ours(true) };
  for (const step of Object.values(tried)) speed(step, 64); // until the compiler has seen it
  return [...Array(rounds)].map(() => (
    Object.fromEntries(Object.entries(tried).map(([name, step]) => [name, speed(step, count)]))));

  /** Return a function that trains our engine on one batch, with or without WebAssembly. */
  function ours(wasm) {
    const layers = [
      ...convs.flatMap(({ filters, size, padding }) => [
        { kind: "Conv2D", filters, kernelSize: size, stride: 1, padding }, { kind: "ReLU" },
        { kind: "MaxPool2D", size: 2, stride: 2, padding }]),
      { kind: "Flatten" }, ...dense.flatMap((units) => [{ kind: "Dense", units }, { kind: "ReLU" }]), { kind: "Dense", units: 10 },
    ];
    const options = { input: [28, 28, 1], classes: 10, batchSize: BATCH, rule: "Momentum", learningRate: 0.001, seed: 0, wasm };
    const own = new convlab.Network(layers, options);
    if (own.wasm !== wasm) throw new Error(`WebAssembly is ${own.wasm}, not ${wasm}`);
    return () => own.step(images, labels);
  }

  /** Return a function that trains ConvNetJS on one batch; its maps have the same sizes. */
  function theirs() {
    const net = new convnetjs.Net();
    let side = 28;
    const blocks = convs.flatMap(({ filters, size, padding }) => {
      const same = padding === "same";
      side = same ? side : side - size + 1;
      const pad = same && side % 2 ? 1 : 0; // 7 becomes 4, as with "same"
      side = Math.floor((side + 2 * pad - 2) / 2) + 1;
      return [
        { type: "conv", sx: size, filters, stride: 1, pad: same ? (size - 1) / 2 : 0, activation: "relu" },
        { type: "pool", sx: 2, stride: 2, pad }];
    });
    net.makeLayers([
      { type: "input", out_sx: 28, out_sy: 28, out_depth: 1 }, ...blocks,
      ...dense.map((units) => ({ type: "fc", num_neurons: units, activation: "relu" })), { type: "softmax", num_classes: 10 },
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

  /** Return the images a second of a number of images. */
  function speed(step, wanted) {
    const batches = Math.ceil(wanted / BATCH);
    const begun = now();
    for (let i = 0; i < batches; i++) step();
    return Number(((1000 * batches * BATCH) / (now() - begun)).toFixed(1));
  }
};

if (typeof require === "function" && require.main === module) {
  const [file, network = "small", images = 1024] = process.argv.slice(2);
  const processor = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000; // that of this process alone
  const options = { network, images: Number(images), rounds: 3, now: processor };
  const found = globalThis.compareSpeed(require("../node.js"), require(require("path").resolve(file)), options);
  for (const round of found) {
    const each = Object.entries(round).map(([name, speed]) => `${name} ${speed} (${(speed / round.convnetjs).toFixed(1)}x)`);
    process.stdout.write(`images a processor second: ${each.join("; ")}\n`);
  }
}
