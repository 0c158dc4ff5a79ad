/**
 * A network that learns: layers one after another, softmax cross-entropy, one update rule.
 */
convlab.part(function network(convlab) {
  "use strict";
  const { Arena, Random, Refusal, product } = convlab;

  /**
   * @example
   * const net = new convlab.Network([
   *   { kind: "Conv2D", filters: 8, kernelSize: 5 }, { kind: "ReLU" }, { kind: "MaxPool2D", size: 2 },
   *   { kind: "Flatten" }, { kind: "Dense", units: 10 },
   * ], { input: [28, 28, 1], rule: "Adam", learningRate: 0.001, seed: 0 });
   * const loss = net.step(images, labels); // Float32Array of N·28·28·1 numbers, N labels from 0 to 9
   */
  class Network {
    /**
     * @param {object[]} layers - {kind, ...} each, named as in `convlab.layers`; see `convlab.KINDS` for the rest
     * @param {object} [options]
     * @param {number[]} [options.input] - height, width, channels
     * @param {number} [options.classes] - how many numbers the last layer gives
     * @param {number} [options.batchSize] - images that a step or a forward pass takes at most
     * @param {number} [options.seed] - of the first weights and of dropout
     * @param {string} [options.rule] - "SGD", "Momentum" or "Adam"
     * @param {number} [options.learningRate]
     * @param {boolean} [options.wasm] - false computes in JavaScript alone
     * @throws {Refusal} for a network that cannot be; its `place` is the layer at fault
     */
    constructor(layers, options = {}) {
      const {
        input = [28, 28, 1], classes = 10, batchSize = 32, seed = 0, rule = "Adam", learningRate = 0.001, wasm = true,
      } = options;
      Object.assign(this, { input, classes, batchSize, seed });
      this.rows = convlab.checked(layers, input, classes, batchSize);
      this.layers = this.rows.map((row) => new convlab.layers[row.layer.kind](row));
      this.random = new Random(seed);
      const counting = new Arena();
      this.#allocate(counting);
      this.arena = new Arena(counting.bytes, wasm);
      this.#allocate(this.arena);
      for (const layer of this.layers) layer.fill();
      this.#draw();
      this.setRule(rule, learningRate);
    }

    /** Whether WebAssembly computes; JavaScript alone is about five times slower. */
    get wasm() {
      return this.arena.wasm;
    }

    /** Change the update rule, which then remembers nothing, or only the rate of the same rule. */
    setRule(name, learningRate) {
      if (name === this.ruleName) this.rule.learningRate = convlab.checkedRate(learningRate);
      else this.rule = convlab.ruleFor(name, this.params, learningRate);
      this.ruleName = name;
    }

    /**
     * Take one training step on a batch.
     * @param {Float32Array} images - N·height·width·channels numbers
     * @param {ArrayLike<number>} labels - N whole numbers
     * @returns {number} the mean loss of the batch, before the step
     */
    step(images, labels) {
      this.#run(images, labels.length, true);
      const loss = this.#loss(labels);
      this.#backward(labels.length, false);
      this.rule.step(this.params, this.grads);
      return loss;
    }

    /**
     * Return the logits of images, N·classes numbers.
     * @param {Float32Array} images
     * @param {object} [options]
     * @param {boolean} [options.training] - as while training: with dropout, with the batch's own averages
     * @param {function(number, Float32Array): void} [options.watch] - gets every layer's number and output
     */
    forward(images, { training = false, watch } = {}) {
      const n = images.length / product(this.input);
      return this.#run(images, n, training, watch).slice(0, n * this.classes);
    }

    /** Return the shares that softmax makes of the logits, N·classes numbers. */
    probabilities(images) {
      return softmax(this.forward(images), this.classes);
    }

    /**
     * Return the loss and its gradients: {loss, images, outputs, parameters}.
     *
     * `images` is the gradient with respect to every pixel; `outputs` lists that of every layer's output; `parameters`
     * has those of the parameters by name. All are copies. Nothing is learned.
     * @param {Float32Array} images
     * @param {ArrayLike<number>} labels
     * @param {object} [options] - `training` as in `forward`
     */
    gradients(images, labels, { training = false } = {}) {
      const n = labels.length;
      this.#run(images, n, training);
      const loss = this.#loss(labels);
      const outputs = [];
      const dx = this.#backward(n, true, (place, dy) => {
        outputs[place] = dy.slice(0, n * this.layers[place].outputs);
      });
      const parameters = Object.fromEntries(this.#named("grads").map(([name, array]) => [name, array.slice()]));
      return { loss, images: dx.slice(0, images.length), outputs, parameters };
    }

    /** Return copies of all parameters and running averages, by name: "0.kernel", "0.bias", "3.moving_mean". */
    weights() {
      const averages = this.layers.flatMap((layer, place) => (
        Object.entries(layer.averages ?? {}).map(([name, array]) => [`${place}.${name}`, array])));
      return Object.fromEntries([...this.#named("params"), ...averages].map(([name, array]) => [name, array.slice()]));
    }

    /** Return how many images of the last pass have their largest logit at their label. */
    hits(labels) {
      return [...labels].filter((label, i) => {
        const own = this.logits.subarray(i * this.classes, (i + 1) * this.classes);
        return own.indexOf(Math.max(...own)) === label;
      }).length;
    }

    /** Put weights in the form of `weights()` into the network; all or, with a `Refusal`, none. */
    setWeights(weights) {
      const pairs = Object.entries(this.weights()).map(([name, own]) => {
        const came = weights[name];
        if (!came) throw new Refusal("weights_missing", { name });
        if (came.length !== own.length) {
          throw new Refusal("weights_shape", { name, came: came.length, expected: own.length });
        }
        return [name, came];
      });
      for (const [name, came] of pairs) {
        const [place, part] = name.split(".");
        const layer = this.layers[place];
        (layer.params[part] ?? layer.averages[part]).set(came);
      }
    }

    /** Call `use` with other parameters in place of the network's own, and return what it returns. */
    withParams(params, use) {
      const own = this.params.slice();
      this.params.set(params);
      try {
        return use();
      } finally {
        this.params.set(own);
      }
    }

    #allocate(arena) {
      const numbers = this.rows.reduce((sum, row) => (
        sum + Object.values(row.parameters).reduce((own, shape) => own + product(shape), 0)), 0);
      arena.floats(4); // address 0 means "add to what is there"
      this.params = arena.floats(numbers);
      this.grads = arena.floats(numbers);
      this.images = arena.floats(this.batchSize * product(this.input));
      this.dlogits = arena.floats(this.batchSize * this.classes);
      let from = 0;
      for (const [place, layer] of this.layers.entries()) {
        for (const [name, shape] of Object.entries(this.rows[place].parameters)) {
          layer.params[name] = this.params.subarray(from, from + product(shape));
          layer.grads[name] = this.grads.subarray(from, from + product(shape));
          from += product(shape);
        }
        layer.allocate(arena, this.batchSize);
      }
    }

    /** Draw the first weights: normal values of variance 2 / inputs (He et al. 2015; lesson 04). */
    #draw() {
      for (const [place, { params }] of this.layers.entries()) {
        const shape = this.rows[place].parameters.kernel;
        if (params.gamma) params.gamma.fill(1);
        if (!shape) continue;
        const isLast = place === this.layers.length - 1; // small first answers: the loss starts at ln(classes)
        const spread = (isLast ? 0.1 : 1) * Math.sqrt(2 / product(shape.slice(0, -1)));
        for (let i = 0; i < params.kernel.length; i++) params.kernel[i] = spread * this.random.normal();
      }
    }

    #run(images, n, training, watch) {
      if (images.length !== n * product(this.input)) {
        throw new Refusal("images_shape", { expected: product(this.input), count: n, numbers: images.length });
      }
      if (n < 1 || n > this.batchSize) throw new Refusal("batch_size", { capacity: this.batchSize, count: n });
      this.images.set(images);
      let x = this.images;
      for (const [place, layer] of this.layers.entries()) {
        x = layer.forward(x, n, training, this.random);
        watch?.(place, x.subarray(0, n * layer.outputs));
      }
      this.logits = x;
      return x;
    }

    /** Return the mean cross-entropy of the last forward pass, and leave its gradient in `dlogits`. */
    #loss(labels) {
      const { classes, dlogits } = this;
      const n = labels.length;
      const shares = softmax(this.logits.subarray(0, n * classes), classes);
      let loss = 0;
      for (let i = 0; i < n; i++) {
        const label = labels[i];
        if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
          throw new Refusal("labels_range", { last: classes - 1, value: label });
        }
        loss -= logSoftmax(this.logits, i * classes, classes, label);
        for (let k = 0; k < classes; k++) {
          dlogits[i * classes + k] = (shares[i * classes + k] - (k === label ? 1 : 0)) / n;
        }
      }
      return loss / n;
    }

    #backward(n, wanted, watch) {
      const last = wanted ? 0 : this.rows.findIndex((row) => row.count > 0); // nothing learns below it
      let dy = this.dlogits;
      for (let place = this.layers.length - 1; place >= last; place--) {
        watch?.(place, dy);
        dy = this.layers[place].backward(dy, n, wanted || place > last);
      }
      return dy;
    }

    #named(kind) {
      return this.layers.flatMap((layer, place) => (
        Object.entries(layer[kind]).map(([name, array]) => [`${place}.${name}`, array])));
    }
  }

  /** Return what softmax makes of rows of `classes` logits. */
  function softmax(logits, classes) {
    const shares = new Float32Array(logits.length);
    for (let i = 0; i < logits.length; i += classes) {
      for (let k = 0; k < classes; k++) shares[i + k] = Math.exp(logSoftmax(logits, i, classes, k));
    }
    return shares;
  }

  /** Return the logarithm of softmax's share of one class, finite where the share rounds to 0. */
  function logSoftmax(logits, from, classes, k) {
    let largest = -Infinity;
    for (let j = 0; j < classes; j++) largest = Math.max(largest, logits[from + j]);
    let sum = 0;
    for (let j = 0; j < classes; j++) sum += Math.exp(logits[from + j] - largest);
    return logits[from + k] - largest - Math.log(sum);
  }

  Object.assign(convlab, { Network, softmax });
});
