/**
 * How a gradient becomes a step: SGD, Momentum and Adam of `convlab.optimizers` (lesson 04), Keras's definitions.
 */
convlab.part(function optimizers(convlab) {
  "use strict";
  const { Refusal } = convlab;
  const LARGEST = 100; // a learning rate above it is a slip of the keyboard

  class SGD {
    constructor(params, learningRate = 0.01) {
      this.learningRate = checkedRate(learningRate);
    }

    /** Take one step against the gradients, in place: w ← w - η·g. */
    step(params, grads) {
      for (let i = 0; i < params.length; i++) params[i] -= this.learningRate * grads[i];
    }
  }

  class Momentum {
    constructor(params, learningRate = 0.01, momentum = 0.9) {
      this.learningRate = checkedRate(learningRate);
      this.momentum = momentum;
      this.velocity = new Float32Array(params.length);
    }

    /** Take one step along the velocity: v ← μ·v - η·g, then w ← w + v. */
    step(params, grads) {
      const { velocity, momentum, learningRate } = this;
      for (let i = 0; i < params.length; i++) {
        velocity[i] = momentum * velocity[i] - learningRate * grads[i];
        params[i] += velocity[i];
      }
    }
  }

  class Adam {
    constructor(params, learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7) {
      Object.assign(this, { learningRate: checkedRate(learningRate), beta1, beta2, epsilon, steps: 0 });
      this.mean = new Float32Array(params.length);
      this.meanSquare = new Float32Array(params.length);
    }

    /** Take one step of about the learning rate along each weight (Kingma and Ba 2015, end of section 2). */
    step(params, grads) {
      const { mean, meanSquare, beta1, beta2, epsilon } = this;
      this.steps += 1;
      const rate = (this.learningRate * Math.sqrt(1 - beta2 ** this.steps)) / (1 - beta1 ** this.steps);
      for (let i = 0; i < params.length; i++) {
        const g = grads[i];
        const m = (mean[i] += (1 - beta1) * (g - mean[i]));
        const v = (meanSquare[i] += (1 - beta2) * (g * g - meanSquare[i]));
        params[i] -= (rate * m) / (Math.sqrt(v) + epsilon);
      }
    }
  }

  /**
   * A running average of the weights: it jumps less from batch to batch than they do (Polyak and Juditsky 1992).
   * Keras's `use_ema`, but that the first steps count for less.
   */
  class Average {
    /** @param {number} images - over about how many images */
    constructor(params, images = 5000) {
      Object.assign(this, { values: params.slice(), images, steps: 0 });
    }

    /** Take the weights after a step on `n` images: average ← average + share·(weights - average). */
    take(params, n) {
      const { values } = this;
      this.steps += 1;
      const share = Math.min(1, Math.max(n / this.images, 10 / (this.steps + 10)));
      for (let i = 0; i < values.length; i++) values[i] += share * (params[i] - values[i]);
    }
  }

  const RULES = { SGD, Momentum, Adam };

  /** Return the rule of that name for these parameters. */
  function ruleFor(name, params, learningRate) {
    if (!Object.hasOwn(RULES, name)) throw new Refusal("rule_unknown", { rule: name });
    return new RULES[name](params, learningRate);
  }

  /** Return a learning rate; a `Refusal` unless it is above 0 and at most 100. */
  function checkedRate(value) {
    if (!(typeof value === "number" && value > 0 && value <= LARGEST)) {
      throw new Refusal("learning_rate", { value: value === "" ? '""' : value, limit: LARGEST });
    }
    return value;
  }

  Object.assign(convlab, { Average, RULES, ruleFor, checkedRate });
});
