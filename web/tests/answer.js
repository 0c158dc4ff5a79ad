/**
 * Answer cases that Python wrote: `node answer.js < cases.json > answers.json`; a page calls `convlab.answer(cases)`.
 *
 * A case of "layer" holds one layer, its input, parameters and the gradient of its output, all as flat lists; one of
 * "network" holds layers, weights, images, labels, a rule and a number of steps; one of "sizes" holds arguments.
 */
"use strict";

globalThis.answerCases = function answerCases(cases) {
  const { convlab } = globalThis;
  const answers = {
    layer: layerAnswer, network: networkAnswer, sizes: sizesAnswer, count: countAnswer, file: fileAnswer, read: readAnswer,
    sentences: sentencesAnswer, fuzz: fuzzAnswer, centred: ({ ink, side }) => [...convlab.centred(Float32Array.from(ink), side)],
  };
  answers.averaged = averagedAnswer;
  return Promise.all(cases.map((one) => answers[one.ask](one)));

  function layerAnswer({ layer, input, n, x, params = {}, averages = {}, dy, training = false, wasm }) {
    const row = convlab.count([layer], input)[0];
    const one = new convlab.layers[layer.kind](row);
    const counting = new convlab.Arena();
    const parts = lay(counting, one, row, n);
    const arena = new convlab.Arena(counting.bytes, wasm);
    Object.assign(parts, lay(arena, one, row, n));
    one.fill();
    for (const [name, values] of Object.entries(params)) one.params[name].set(values);
    for (const [name, values] of Object.entries(averages)) one.averages[name].set(values);
    parts.x.set(x);
    const y = [...one.forward(parts.x, n, training, new convlab.Random(0)).slice(0, n * one.outputs)];
    parts.dy.set(dy);
    const dx = [...one.backward(parts.dy, n, true).slice(0, x.length)];
    return {
      output: row.output, y, dx, grads: lists(one.grads), averages: lists(one.averages ?? {}), wasm: arena.wasm,
      mask: layer.kind === "Dropout" ? [...one.mask.slice(0, x.length)] : null,
    };
  }

  function lay(arena, one, row, n) {
    arena.floats(4);
    const x = arena.floats(n * one.inputs);
    const dy = arena.floats(n * one.outputs);
    for (const [name, shape] of Object.entries(row.parameters)) {
      one.params[name] = arena.floats(convlab.product(shape));
      one.grads[name] = arena.floats(convlab.product(shape));
    }
    one.allocate(arena, n);
    return { x, dy };
  }

  function networkAnswer({ layers, options, weights, images, labels, steps }) {
    const net = new convlab.Network(layers, options);
    if (weights) net.setWeights(lists(weights));
    const x = Float32Array.from(images);
    const { loss, images: dx, parameters } = net.gradients(x, labels, { training: true });
    const losses = [];
    for (let i = 0; i < steps; i++) losses.push(net.step(x, labels));
    return {
      loss, dx: [...dx], parameters: lists(parameters), losses, weights: lists(net.weights()),
      logits: [...net.forward(x)], wasm: net.wasm,
    };
  }

  /** Return the weights after each step of a training, and those that the trainer would save. */
  async function averagedAnswer({ packed, layers, options, steps }) {
    let saved = null;
    const trainer = new convlab.Trainer((report) => {
      if (report.type === "refused") throw new Error(report.message);
      if (report.type === "weights") saved = lists(report.weights);
    });
    await trainer.handle({ type: "data", name: "digits", packed });
    await trainer.handle({ type: "build", build: 1, layers, options, average: true });
    const { network } = trainer;
    const weights = [lists(network.weights())];
    for (let i = 0; i < steps; i++) {
      await trainer.handle({ type: "steps", count: 1 });
      weights.push(lists(network.weights()));
    }
    await trainer.handle({ type: "weights" });
    return { weights, saved, images: trainer.average.images };
  }

  /** Return what a function of sizes returns, or what it refuses. */
  function sizesAnswer({ name, values }) {
    try {
      return { value: convlab[name](...values) };
    } catch (error) {
      return { error: error.message };
    }
  }

  function countAnswer({ layers, input }) {
    try {
      return convlab.count(layers, input).map(({ output, count, activations, macs }) => ({ output, count, activations, macs }));
    } catch (error) {
      return { error: error.message, place: error.place };
    }
  }

  /** Return a trained network as a file, in base64, and the logits of some images. */
  function fileAnswer({ layers, input, classes, images, labels, steps }) {
    const net = new convlab.Network(layers, { input, classes, batchSize: labels.length });
    const x = Float32Array.from(images);
    for (let i = 0; i < steps; i++) net.step(x, labels);
    const bytes = convlab.writeNetwork({ layers, input, classes }, net.weights());
    return { file: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")), logits: [...net.forward(x)] };
  }

  /** Return what a file's network says of images, or why the file is refused. */
  async function readAnswer({ file, images = [] }) {
    try {
      const { layers, input, classes, weights } = await convlab.readNetwork(convlab.fromBase64(file));
      const n = images.length / convlab.product(input);
      const net = new convlab.Network(layers, { input, classes, batchSize: Math.max(n, 1) });
      net.setWeights(weights);
      return { layers, logits: n ? [...net.forward(Float32Array.from(images))] : [] };
    } catch (error) {
      return { error: error.message, key: error.key };
    }
  }

  /** Return what an explorer says at many settings. */
  async function sentencesAnswer({ explorer, options = {}, settings, trained = {} }) {
    const { sentence, options: own, prepare = (known) => known } = convlab.EXPLORERS[explorer];
    convlab.trained = { ...convlab.trained, ...trained };
    const known = await prepare({ ...own, ...options });
    return settings.map((values) => sentence(values, known));
  }

  /**
   * Return what became of random networks: the refusal, or the losses of three steps and whether all are numbers.
   * A refusal has to name its layer; a network that is taken has to train.
   */
  function fuzzAnswer({ networks, input, classes }) {
    const random = new convlab.Random(1);
    const images = Float32Array.from({ length: 2 * convlab.product(input) }, () => random.normal());
    return networks.map((layers) => {
      try {
        const net = new convlab.Network(layers, { input, classes, batchSize: 2, learningRate: 1e-4 });
        return { losses: [0, 1, 2].map(() => net.step(images, [1, 0])) };
      } catch (error) {
        return { refused: error.message, key: error.key ?? null, place: error.place ?? null };
      }
    });
  }

  function lists(arrays) {
    return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, [...array]]));
  }
};

if (typeof require === "function" && require.main === module) {
  require("../node.js");
  for (const name of ["elements", "pad", "pictures", "descent", "unit", "blocks", "trained", "explorers"]) require(`../${name}.js`);
  const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
  globalThis.answerCases(cases).then((answers) => process.stdout.write(JSON.stringify(answers)));
}
