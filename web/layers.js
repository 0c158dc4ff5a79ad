/**
 * The layers of `convlab.layers`, forward and backward, on the memory of an `Arena`.
 *
 * Images are NHWC, kernels (KH, KW, C, F), as in Python. A layer is made of a row of `convlab.count`. Then
 *     allocate(arena, batch)     reserves its arrays for batches of up to `batch` images,
 *     fill()                     writes the tables that never change,
 *     forward(x, n, training)    returns y for the first n images of x,
 *     backward(dy, n, wanted)    fills `grads` and returns dx, or nothing where dx is not wanted.
 * `params` and `grads` are Float32Arrays by name; the network lays them out.
 */
convlab.part(function layers(convlab) {
  "use strict";
  const { product, sides } = convlab;

  class Layer {
    constructor(row) {
      Object.assign(this, row.layer);
      this.row = row;
      this.inputs = product(row.input);
      this.outputs = product(row.output);
      this.params = {};
      this.grads = {};
    }
    allocate() {}
    fill() {}
  }

  /** Every output sees a window of the input, through the same kernel everywhere (lessons 05, 07). */
  class Conv2D extends Layer {
    constructor(row) {
      super(row);
      const [height, width, channels] = row.input;
      this.channels = channels;
      this.places = row.output[0] * row.output[1];
      this.taps = this.kernelSize ** 2 * channels;
      [this.top, this.bottom] = sides(height, this.kernelSize, this.stride, this.padding);
      [this.left, this.right] = sides(width, this.kernelSize, this.stride, this.padding);
      this.isPadded = this.top + this.bottom + this.left + this.right > 0;
      this.paddedWidth = this.left + width + this.right;
      this.paddedSize = (this.top + height + this.bottom) * this.paddedWidth * channels;
    }

    allocate(arena, batch) {
      this.arena = arena;
      this.y = arena.floats(batch * this.outputs);
      this.dx = arena.floats(batch * this.inputs);
      this.padded = arena.floats(this.isPadded ? batch * this.paddedSize : 0);
      this.dpadded = arena.floats(this.isPadded ? this.paddedSize : 0);
      this.transposed = arena.floats(this.taps * this.filters);
      this.zeros = arena.floats(this.filters);
      this.one = arena.floats(1);
      this.placeAt = arena.integers(this.places); // where each window begins in a padded image
      this.tapAt = arena.integers(this.taps); // how far from there each of its pixels is
      this.outAt = arena.integers(this.places); // where each place's answers begin in the maps
      this.kernelAt = arena.integers(this.taps);
      this.filterAt = arena.integers(this.filters);
      this.still = arena.integers(this.places); // all 0: the same number at every step
    }

    fill() {
      const { channels, kernelSize: size, stride, paddedWidth, filters } = this;
      const [, across] = this.row.output;
      this.one[0] = 1;
      for (let i = 0; i < this.places; i++) {
        this.placeAt[i] = 4 * (Math.floor(i / across) * stride * paddedWidth + (i % across) * stride) * channels;
        this.outAt[i] = 4 * i * filters;
      }
      for (let k = 0; k < this.taps; k++) {
        const tap = Math.floor(k / channels);
        this.tapAt[k] = 4 * ((Math.floor(tap / size) * paddedWidth + (tap % size)) * channels + (k % channels));
        this.kernelAt[k] = 4 * k * filters;
      }
      for (let f = 0; f < filters; f++) this.filterAt[f] = 4 * f;
    }

    forward(x, n) {
      this.x = this.isPadded ? this.#pad(x, n) : x;
      const bias = this.params.bias ?? this.zeros;
      const size = this.isPadded ? this.paddedSize : this.inputs;
      for (let image = 0; image < n; image++) {
        this.arena.kernels.product(
          at(this.x, image * size), at(this.placeAt), at(this.tapAt), at(this.params.kernel),
          at(this.y, image * this.outputs), at(this.outAt), at(bias), this.places, this.taps, this.filters,
        );
      }
      return this.y;
    }

    backward(dy, n, wanted) {
      const size = this.isPadded ? this.paddedSize : this.inputs;
      for (let image = 0; image < n; image++) {
        const maps = at(dy, image * this.outputs);
        const first = image ? 0 : at(this.zeros); // the later images add to what the first one left
        this.arena.kernels.product(
          at(this.x, image * size), at(this.tapAt), at(this.placeAt), maps,
          at(this.grads.kernel), at(this.kernelAt), first, this.taps, this.places, this.filters,
        );
        if (this.grads.bias) {
          this.arena.kernels.product(
            at(this.one), at(this.still), at(this.still), maps,
            at(this.grads.bias), at(this.still), first, 1, this.places, this.filters,
          );
        }
      }
      return wanted ? this.#inputGradient(dy, n) : undefined;
    }

    /** Every place adds its gradient to the pixels of its window, one pixel of all windows after the other. */
    #inputGradient(dy, n) {
      const { channels, filters, kernelSize } = this;
      const kernel = this.params.kernel;
      for (let tap = 0; tap < kernelSize ** 2; tap++) {
        for (let f = 0; f < filters; f++) {
          for (let c = 0; c < channels; c++) {
            this.transposed[(tap * filters + f) * channels + c] = kernel[(tap * channels + c) * filters + f];
          }
        }
      }
      for (let image = 0; image < n; image++) {
        const target = this.isPadded
          ? this.dpadded : this.dx.subarray(image * this.inputs, (image + 1) * this.inputs);
        target.fill(0);
        for (let tap = 0; tap < kernelSize ** 2; tap++) {
          this.arena.kernels.product(
            at(dy, image * this.outputs), at(this.outAt), at(this.filterAt), at(this.transposed, tap * filters * channels),
            at(target) + this.tapAt[tap * channels], at(this.placeAt), 0, this.places, filters, channels,
          );
        }
        if (this.isPadded) this.#crop(image);
      }
      return this.dx;
    }

    #pad(x, n) {
      const [height, width, channels] = this.row.input;
      const line = width * channels;
      for (let image = 0; image < n; image++) {
        for (let row = 0; row < height; row++) {
          const from = image * this.inputs + row * line;
          const to = image * this.paddedSize + ((row + this.top) * this.paddedWidth + this.left) * channels;
          this.padded.set(x.subarray(from, from + line), to);
        }
      }
      return this.padded;
    }

    #crop(image) {
      const [height, width, channels] = this.row.input;
      const line = width * channels;
      for (let row = 0; row < height; row++) {
        const from = ((row + this.top) * this.paddedWidth + this.left) * channels;
        this.dx.set(this.dpadded.subarray(from, from + line), image * this.inputs + row * line);
      }
    }
  }

  /** What both kinds of pooling share: where their windows stand. */
  class Pool extends Layer {
    constructor(row) {
      super(row);
      const [height, width] = row.input;
      this.top = sides(height, this.size, this.stride, this.padding)[0];
      this.left = sides(width, this.size, this.stride, this.padding)[0];
    }

    allocate(arena, batch) {
      this.y = arena.floats(batch * this.outputs);
      this.dx = arena.floats(batch * this.inputs);
    }

    /** Call `use(first output, rows from, to, columns from, to, first number of the image)` for every window. */
    windows(n, use) {
      const [height, width, channels] = this.row.input;
      const [down, across] = this.row.output;
      for (let image = 0, output = 0; image < n; image++) {
        for (let row = 0; row < down; row++) {
          const top = row * this.stride - this.top;
          for (let column = 0; column < across; column++, output += channels) {
            const left = column * this.stride - this.left;
            use(
              output, Math.max(top, 0), Math.min(top + this.size, height),
              Math.max(left, 0), Math.min(left + this.size, width), image * this.inputs,
            );
          }
        }
      }
    }
  }

  /** Keep the largest value of each window; a padded pixel is never the largest (lessons 06, 07). */
  class MaxPool2D extends Pool {
    allocate(arena, batch) {
      super.allocate(arena, batch);
      const [height, width, channels] = this.row.input;
      const [down, across] = this.row.output;
      const reaches = (places, first) => (places - 1) * this.stride - first + this.size;
      this.isWhole = this.top + this.left === 0 && reaches(down, 0) <= height && reaches(across, 0) <= width;
      // vectors take four channels at once; windows that the edge cuts have fewer pixels
      this.kernels = this.isWhole && channels % 4 ? convlab.plainKernels(arena.buffer ?? new ArrayBuffer(0)) : arena.kernels;
      this.from = arena.integers(this.isWhole ? 0 : batch * this.outputs);
      this.windowAt = arena.integers(this.isWhole ? down * across : 0);
      this.tapAt = arena.integers(this.isWhole ? this.size ** 2 : 0);
    }

    fill() {
      const [, width, channels] = this.row.input;
      const [, across] = this.row.output;
      const pixel = (row, column) => 4 * (row * width + column) * channels;
      for (let i = 0; i < this.windowAt.length; i++) {
        this.windowAt[i] = pixel(Math.floor(i / across) * this.stride, (i % across) * this.stride);
      }
      for (let k = 0; k < this.tapAt.length; k++) this.tapAt[k] = pixel(Math.floor(k / this.size), k % this.size);
    }

    forward(x, n) {
      this.x = x;
      if (!this.isWhole) return this.#forwardCut(x, n);
      for (let image = 0; image < n; image++) {
        this.kernels.maxPool(
          at(x, image * this.inputs), at(this.windowAt), at(this.tapAt), at(this.y, image * this.outputs),
          this.windowAt.length, this.tapAt.length, this.row.input[2],
        );
      }
      return this.y;
    }

    /** Return dy at the pixel that each value came from, the first in its window if several, else 0. */
    backward(dy, n) {
      this.dx.fill(0, 0, n * this.inputs);
      if (!this.isWhole) {
        for (let i = 0; i < n * this.outputs; i++) this.dx[this.from[i]] += dy[i];
        return this.dx;
      }
      for (let image = 0; image < n; image++) {
        this.kernels.maxPoolGradient(
          at(this.x, image * this.inputs), at(this.windowAt), at(this.tapAt), at(this.y, image * this.outputs),
          at(this.dx, image * this.inputs), at(dy, image * this.outputs),
          this.windowAt.length, this.tapAt.length, this.row.input[2],
        );
      }
      return this.dx;
    }

    /** The same where the edge cuts windows, noting where each value came from. */
    #forwardCut(x, n) {
      const { y, from } = this;
      const [, width, channels] = this.row.input;
      this.windows(n, (output, top, bottom, left, right, image) => {
        const start = image + (top * width + left) * channels;
        for (let c = 0; c < channels; c++) {
          y[output + c] = x[start + c];
          from[output + c] = start + c;
        }
        for (let row = top; row < bottom; row++) {
          for (let column = left; column < right; column++) {
            const pixel = image + (row * width + column) * channels;
            for (let c = 0; c < channels; c++) {
              if (x[pixel + c] > y[output + c]) {
                y[output + c] = x[pixel + c];
                from[output + c] = pixel + c;
              }
            }
          }
        }
      });
      return y;
    }
  }

  /** Keep the mean of each window; padded pixels do not count (lessons 06, 07). */
  class AvgPool2D extends Pool {
    forward(x, n) {
      const { y } = this;
      const [, width, channels] = this.row.input;
      this.windows(n, (output, top, bottom, left, right, image) => {
        const pixels = (bottom - top) * (right - left);
        for (let c = 0; c < channels; c++) {
          let sum = 0;
          for (let row = top; row < bottom; row++) {
            for (let column = left; column < right; column++) sum += x[image + (row * width + column) * channels + c];
          }
          y[output + c] = sum / pixels;
        }
      });
      return y;
    }

    backward(dy, n) {
      const { dx } = this;
      const [, width, channels] = this.row.input;
      dx.fill(0, 0, n * this.inputs);
      this.windows(n, (output, top, bottom, left, right, image) => {
        const pixels = (bottom - top) * (right - left);
        for (let row = top; row < bottom; row++) {
          for (let column = left; column < right; column++) {
            const pixel = image + (row * width + column) * channels;
            for (let c = 0; c < channels; c++) dx[pixel + c] += dy[output + c] / pixels;
          }
        }
      });
      return dx;
    }
  }

  /** Keep what is positive, replace the rest by 0; in place, since no layer reads its answer once it is given. */
  class ReLU extends Layer {
    allocate(arena) {
      this.kernels = arena.kernels;
    }

    forward(x, n) {
      this.kernels.relu(at(x), at(x, n * this.outputs));
      this.y = x;
      return x;
    }

    backward(dy, n) {
      this.kernels.reluGradient(at(this.y), at(this.y, n * this.outputs), at(dy));
      return dy;
    }
  }

  /** Squash every value into (0, 1) (lesson 02). */
  class Sigmoid extends Layer {
    allocate(arena, batch) {
      this.y = arena.floats(batch * this.outputs);
      this.own = arena.floats(batch * this.outputs); // a ReLU behind it would write on y
    }

    forward(x, n) {
      for (let i = 0; i < n * this.outputs; i++) {
        this.y[i] = this.own[i] = Math.exp(Math.min(x[i], 0)) / (1 + Math.exp(-Math.abs(x[i])));
      }
      return this.y;
    }

    backward(dy, n) {
      for (let i = 0; i < n * this.outputs; i++) dy[i] *= this.own[i] * (1 - this.own[i]);
      return dy;
    }
  }

  /** Lay out each image as one row: in memory it already is one. */
  class Flatten extends Layer {
    forward(x) {
      return x;
    }

    backward(dy) {
      return dy;
    }
  }

  /** Every output depends on every input: y = x·kernel + bias (lesson 03). */
  class Dense extends Layer {
    allocate(arena, batch) {
      this.arena = arena;
      this.batch = batch;
      this.y = arena.floats(batch * this.outputs);
      this.dx = arena.floats(batch * this.inputs);
      this.dyTransposed = arena.floats(batch * this.outputs);
      this.dxTransposed = arena.floats(batch * this.inputs);
      this.zeros = arena.floats(Math.max(batch, this.outputs));
      this.one = arena.floats(1);
      this.inputRowAt = arena.integers(batch);
      this.outputRowAt = arena.integers(batch);
      this.inputAt = arena.integers(this.inputs);
      this.kernelAt = arena.integers(this.inputs);
      this.outputAt = arena.integers(this.outputs);
      this.transposedAt = arena.integers(this.inputs);
      this.still = arena.integers(batch);
    }

    fill() {
      this.one[0] = 1;
      for (let i = 0; i < this.batch; i++) {
        this.inputRowAt[i] = 4 * i * this.inputs;
        this.outputRowAt[i] = 4 * i * this.outputs;
      }
      for (let k = 0; k < this.inputs; k++) {
        this.inputAt[k] = 4 * k;
        this.kernelAt[k] = 4 * k * this.outputs;
      }
      for (let j = 0; j < this.outputs; j++) this.outputAt[j] = 4 * j;
    }

    forward(x, n) {
      this.x = x;
      this.arena.kernels.product(
        at(x), at(this.inputRowAt), at(this.inputAt), at(this.params.kernel),
        at(this.y), at(this.outputRowAt), at(this.params.bias ?? this.zeros), n, this.inputs, this.outputs,
      );
      return this.y;
    }

    backward(dy, n, wanted) {
      this.arena.kernels.product(
        at(this.x), at(this.inputAt), at(this.inputRowAt), at(dy),
        at(this.grads.kernel), at(this.kernelAt), at(this.zeros), this.inputs, n, this.outputs,
      );
      if (this.grads.bias) {
        this.arena.kernels.product(
          at(this.one), at(this.still), at(this.still), at(dy),
          at(this.grads.bias), at(this.still), at(this.zeros), 1, n, this.outputs,
        );
      }
      return wanted ? this.#inputGradient(dy, n) : undefined;
    }

    /** dx = dy·kernelᵀ, computed as kernel·dyᵀ: the batch is turned over, not the kernel, which is larger. */
    #inputGradient(dy, n) {
      transpose(dy, this.dyTransposed, n, this.outputs);
      for (let k = 0; k < this.inputs; k++) this.transposedAt[k] = 4 * k * n;
      this.arena.kernels.product(
        at(this.params.kernel), at(this.kernelAt), at(this.outputAt), at(this.dyTransposed),
        at(this.dxTransposed), at(this.transposedAt), at(this.zeros), this.inputs, this.outputs, n,
      );
      transpose(this.dxTransposed, this.dx, this.inputs, n);
      return this.dx;
    }
  }

  /** While training, silence a random share of the values and scale up the rest (lesson 04). */
  class Dropout extends Layer {
    allocate(arena, batch) {
      this.y = arena.floats(batch * this.outputs);
      this.mask = arena.floats(batch * this.outputs);
    }

    forward(x, n, training, random) {
      this.training = training;
      if (!training) return x;
      for (let i = 0; i < n * this.outputs; i++) {
        this.mask[i] = random.uniform() >= this.rate ? 1 / (1 - this.rate) : 0;
        this.y[i] = x[i] * this.mask[i];
      }
      return this.y;
    }

    backward(dy, n) {
      if (this.training) for (let i = 0; i < n * this.outputs; i++) dy[i] *= this.mask[i];
      return dy;
    }
  }

  /** Give every feature mean `beta` and spread `gamma`, both learned, over the batch (lesson 04). */
  class BatchNorm extends Layer {
    constructor(row) {
      super(row);
      this.features = row.input.at(-1);
      this.averages = {
        moving_mean: new Float32Array(this.features), moving_variance: new Float32Array(this.features).fill(1),
      };
    }

    allocate(arena, batch) {
      this.y = arena.floats(batch * this.outputs);
      this.normal = arena.floats(batch * this.outputs);
      this.scale = new Float64Array(this.features);
    }

    forward(x, n, training) {
      const { features, y, normal, scale } = this;
      const { gamma, beta } = this.params;
      const { moving_mean: movingMean, moving_variance: movingVariance } = this.averages;
      const size = n * this.outputs;
      this.training = training;
      const mean = training ? means(size, features, (i) => x[i]) : movingMean;
      const square = (i, f) => (x[i] - mean[f]) ** 2;
      const variance = training ? means(size, features, square) : movingVariance;
      for (let f = 0; f < features; f++) {
        scale[f] = 1 / Math.sqrt(variance[f] + this.epsilon);
        if (!training) continue;
        movingMean[f] += (1 - this.momentum) * (mean[f] - movingMean[f]);
        movingVariance[f] += (1 - this.momentum) * (variance[f] - movingVariance[f]);
      }
      for (let i = 0, f = 0; i < size; i++, f = f + 1 === features ? 0 : f + 1) {
        normal[i] = (x[i] - mean[f]) * scale[f];
        y[i] = gamma[f] * normal[i] + beta[f];
      }
      return y;
    }

    /** Return dx, also through the batch's mean and variance. */
    backward(dy, n) {
      const { features, normal, scale } = this;
      const size = n * this.outputs;
      const betaMean = means(size, features, (i) => dy[i]);
      const gammaMean = means(size, features, (i) => dy[i] * normal[i]);
      for (let f = 0; f < features; f++) {
        this.grads.beta[f] = betaMean[f] * (size / features);
        this.grads.gamma[f] = gammaMean[f] * (size / features);
      }
      for (let i = 0, f = 0; i < size; i++, f = f + 1 === features ? 0 : f + 1) {
        const own = this.training ? dy[i] - betaMean[f] - normal[i] * gammaMean[f] : dy[i];
        dy[i] = own * this.params.gamma[f] * scale[f];
      }
      return dy;
    }
  }

  /** Return the mean over all rows of `value(place, feature)`, one per feature. */
  function means(size, features, value) {
    const sums = new Float64Array(features);
    for (let i = 0, f = 0; i < size; i++, f = f + 1 === features ? 0 : f + 1) sums[f] += value(i, f);
    return sums.map((sum) => sum / (size / features));
  }

  /** Write the transpose of a matrix of `rows` x `columns` numbers. */
  function transpose(from, to, rows, columns) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) to[column * rows + row] = from[row * columns + column];
    }
  }

  /** Return the byte address of an array's number `index` in its memory. */
  function at(array, index = 0) {
    return array.byteOffset + 4 * index;
  }

  convlab.layers = { Conv2D, MaxPool2D, AvgPool2D, ReLU, Sigmoid, BatchNorm, Dropout, Flatten, Dense };
});
