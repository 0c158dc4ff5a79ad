/**
 * Training as a conversation: messages in, reports out, in a worker or, where there is none, in the page itself.
 */
convlab.part(function trainer(convlab) {
  "use strict";
  const { Network, Random, standardize, product } = convlab;

  const EVALUATE_AT = [250, 500, 1000, 2000]; // images seen; afterwards every EVALUATE_EVERY
  const EVALUATE_EVERY = 2500;
  const SHIFT = 2; // pixels by which an image is moved at most, where that is asked for
  const SHOWN_WRONG = 24;
  const [DRAWN_TRAIN, DRAWN_TEST] = [10000, 2000];
  const HALVED_AFTER = 10000; // images after which a falling learning rate is half of what it was

  /**
   * One network, its data and its training.
   *
   * `handle({type, ...})` takes: data, build, run, pause, steps, settings, look, mine, classify, evaluate, weights,
   * setWeights. `post` gets: built, refused, report, evaluated, looked, classified, weights, paused.
   */
  class Trainer {
    /**
     * @param {function(object): void} post - gets every report
     * @param {number} slice - milliseconds of training between two looks at the messages
     */
    constructor(post, slice = 60) {
      Object.assign(this, { slice, running: false, stopAt: Infinity, mine: { images: [], labels: [] } });
      this.post = (report) => post({ build: this.build, ...report });
    }

    /** Answer a message after those before it; resolved when it is done. */
    handle(message) {
      this.queue = (this.queue ?? Promise.resolve()).then(() => this.#answer(message));
      return this.queue;
    }

    async #answer(message) {
      if (message.type !== "data" && !this.data) return; // refused before, and reported then
      try {
        await this[`on_${message.type}`](message);
      } catch (error) {
        this.running = false;
        const { key, values, place } = error;
        this.post({ type: "refused", request: message.type, key, values, place, message: error.message });
      }
    }

    /** Take a data set: packed digits, the bytes of a file of CIFAR-10, or drawn figures. */
    async on_data({ name, packed, bytes, seed = 0 }) {
      this.data = null;
      if (name === "digits") this.data = await convlab.unpackDigits(packed);
      else this.data = name === "drawn" ? convlab.drawFigures(DRAWN_TRAIN, DRAWN_TEST, seed) : convlab.readCifar(bytes);
      const { shape, names, train, test } = this.data;
      this.post({ type: "data", name, shape, names, train: train.count, test: { ...test, images: test.images.slice() } });
    }

    on_build({ build, layers, options, shift, fall, average }) {
      const network = new Network(layers, options);
      Object.assign(this, { network, build, shift, fall, average: null, learningRate: network.rule.learningRate, running: false, seen: 0, steps: 0, evaluatedAt: 0 });
      this.#setAverage(average);
      this.random = new Random(options.seed + 1);
      this.order = [];
      this.tally = { loss: 0, hits: 0, images: 0, milliseconds: 0 };
      this.post({ type: "built", wasm: network.wasm, bytes: network.arena.bytes });
    }

    on_settings({ rule, learningRate, shift, fall, average }) {
      this.network.setRule(rule, learningRate);
      this.#setAverage(average);
      Object.assign(this, { learningRate, shift, fall });
    }

    /** Begin an average of the weights, or end it. */
    #setAverage(wanted) {
      if (!wanted) this.average = null;
      else this.average ??= new convlab.Average(this.network.params);
    }

    /** Call `use` with the weights that the page tests, shows and saves: their average where there is one. */
    #withShown(use) {
      return this.average ? this.network.withParams(this.average.values, use) : use();
    }

    /** Train until paused, or until `images` more have been seen. */
    on_run({ images = Infinity }) {
      this.stopAt = this.seen + images;
      if (this.running) return;
      this.running = true;
      this.#turn();
    }

    on_pause() {
      this.running = false;
      this.#report();
      this.post({ type: "paused", seen: this.seen });
    }

    on_steps({ count }) {
      for (let i = 0; i < count; i++) this.#step();
      this.#report();
    }

    on_evaluate() {
      this.#evaluate();
    }

    /** Answer with everything that one image makes of the network: outputs, gradients, filters. */
    on_look({ pixels, label }) {
      this.#withShown(() => this.#look(pixels, label));
    }

    #look(pixels, label) {
      const { network } = this;
      const image = this.#standardized(pixels);
      const outputs = [];
      const logits = network.forward(image, { watch: (place, y) => { outputs[place] = y.slice(); } });
      const gradients = network.gradients(image, [label]);
      const weights = network.layers.map(({ params }) => (
        Object.fromEntries(Object.entries(params).map(([name, array]) => [name, array.slice()]))));
      this.post({
        type: "looked", label, image, outputs, weights, shares: convlab.softmax(logits, network.classes),
        gradients: { image: gradients.images, outputs: gradients.outputs },
      });
    }

    on_classify({ pixels }) {
      const shares = this.#withShown(() => this.network.probabilities(this.#standardized(pixels)));
      this.post({ type: "classified", shares });
    }

    /** Take the reader's own digits as a test set: `images` are lists of pixels from 0 to 255. */
    on_mine({ images, labels }) {
      this.mine = { images, labels };
    }

    on_weights() {
      this.post({ type: "weights", weights: this.#withShown(() => this.network.weights()), scale: this.data.scale });
    }

    on_setWeights({ weights }) {
      this.network.setWeights(weights);
      if (this.average) this.average = new convlab.Average(this.network.params);
      this.#evaluate();
    }

    /** Train for one slice of time, report, and go on when the messages that came meanwhile have been read. */
    #turn() {
      if (!this.running) return;
      const begun = performance.now();
      try {
        do this.#step(); while (performance.now() - begun < this.slice && this.seen < this.stopAt);
      } catch (error) {
        this.running = false;
        this.post({ type: "refused", request: "run", key: error.key, values: error.values, message: error.message });
        return;
      }
      this.tally.milliseconds += performance.now() - begun;
      this.#report();
      if (this.#isDue()) this.#evaluate();
      if (this.seen >= this.stopAt) {
        this.running = false;
        this.post({ type: "paused", seen: this.seen });
        return;
      }
      setTimeout(() => this.#turn(), 0);
    }

    #isDue() {
      const next = EVALUATE_AT.find((images) => images > this.evaluatedAt)
        ?? (Math.floor(this.evaluatedAt / EVALUATE_EVERY) + 1) * EVALUATE_EVERY;
      return this.seen >= next;
    }

    #step() {
      const { network, data: { train, shape, scale } } = this;
      const size = product(shape);
      const n = Math.min(network.batchSize, train.count);
      const images = new Float32Array(n * size);
      const labels = new Uint8Array(n);
      for (let i = 0; i < n; i++) {
        if (!this.order.length) this.order = this.random.shuffle([...Array(train.count).keys()]);
        const chosen = this.order.pop();
        const [down, right] = this.shift ? [this.#moved(), this.#moved()] : [0, 0];
        standardize(train.images, chosen * size, shape, scale, images, i * size, down, right);
        labels[i] = train.labels[chosen];
      }
      network.rule.learningRate = this.learningRate / (this.fall ? 1 + this.seen / HALVED_AFTER : 1);
      const loss = network.step(images, labels);
      this.average?.take(network.params, n);
      if (!Number.isFinite(loss)) throw new convlab.Refusal("loss_not_finite");
      this.seen += n;
      this.steps += 1;
      this.tally.loss += loss * n;
      this.tally.images += n;
      this.tally.hits += network.hits(labels);
    }

    #moved() {
      return this.random.below(2 * SHIFT + 1) - SHIFT;
    }

    /** Tell what has happened since the last report. */
    #report() {
      const { loss, hits, images, milliseconds } = this.tally;
      if (!images) return;
      this.tally = { loss: 0, hits: 0, images: 0, milliseconds: 0 };
      this.post({
        type: "report", seen: this.seen, steps: this.steps, loss: loss / images, accuracy: hits / images,
        speed: milliseconds ? (1000 * images) / milliseconds : null,
      });
    }

    #evaluate() {
      this.#withShown(() => this.#test());
    }

    /** Tell how well the test images and the reader's own digits are recognised. */
    #test() {
      const { network, data: { test, shape, scale } } = this;
      const size = product(shape);
      const confusion = Array.from({ length: network.classes }, () => new Array(network.classes).fill(0));
      const wrong = [];
      let hits = 0;
      let loss = 0;
      for (let first = 0; first < test.count; first += network.batchSize) {
        const n = Math.min(network.batchSize, test.count - first);
        const images = new Float32Array(n * size);
        for (let i = 0; i < n; i++) standardize(test.images, (first + i) * size, shape, scale, images, i * size);
        const shares = network.probabilities(images);
        for (let i = 0; i < n; i++) {
          const own = shares.subarray(i * network.classes, (i + 1) * network.classes);
          const guess = own.indexOf(Math.max(...own));
          const label = test.labels[first + i];
          loss -= Math.log(Math.max(own[label], 1e-30));
          confusion[label][guess] += 1;
          if (guess === label) hits += 1;
          else wrong.push({ index: first + i, label, guess, share: own[guess] });
        }
      }
      this.evaluatedAt = this.seen;
      wrong.sort((one, other) => other.share - one.share);
      const shown = wrong.slice(0, SHOWN_WRONG).map((one) => (
        { ...one, pixels: test.images.slice(one.index * size, (one.index + 1) * size) }));
      this.post({
        type: "evaluated", seen: this.seen, accuracy: hits / test.count, loss: loss / test.count, confusion,
        wrong: shown, wrongCount: wrong.length, count: test.count, mine: this.#ownAccuracy(),
      });
    }

    /** Return the share of the reader's own digits that are recognised, null without any. */
    #ownAccuracy() {
      const { images, labels } = this.mine;
      if (!images.length || product(this.data.shape) !== images[0].length) return null;
      const hits = images.filter((pixels, i) => {
        const shares = this.network.probabilities(this.#standardized(pixels));
        return shares.indexOf(Math.max(...shares)) === labels[i];
      });
      return hits.length / images.length;
    }

    #standardized(pixels) {
      const image = new Float32Array(pixels.length);
      standardize(pixels, 0, this.data.shape, this.data.scale, image, 0);
      return image;
    }
  }

  /**
   * Start a trainer in a worker, or in the page where workers are refused; return {post, inWorker}.
   * @param {function(object): void} receive - gets every report
   */
  function startTrainer(receive) {
    try {
      const names = convlab.parts.map((part) => part.name);
      const script = `${convlab.script(names.slice(0, names.indexOf("trainer") + 1))}
        const trainer = new convlab.Trainer((report) => postMessage(report));
        onmessage = ({ data }) => trainer.handle(data);`;
      const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
      const worker = new Worker(address);
      worker.onmessage = ({ data }) => receive(data);
      return { post: (message) => worker.postMessage(message), inWorker: true };
    } catch (error) {
      const own = new Trainer((report) => setTimeout(() => receive(report), 0), 12);
      return { post: (message) => own.handle(message), inWorker: false };
    }
  }

  Object.assign(convlab, { Trainer, startTrainer });
});
