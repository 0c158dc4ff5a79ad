/**
 * Sizes, parameters and products of layers: the arithmetic of `convlab.shapes` (lesson 06), its sentences included.
 */
convlab.part(function shapes(convlab) {
  "use strict";
  const { Refusal } = convlab;

  /** Bytes that a network may take in a page, and millions of products per image. */
  const LIMITS = { megabytes: 200, macs: 200 };

  /**
   * Return how many places along one axis a kernel can stand in: floor((i + 2p - r) / s) + 1 (lesson 06).
   * @param {number} input - pixels along the axis
   * @param {number} kernel
   * @param {number} [stride]
   * @param {number|string} [padding] - pixels per side, "valid" or "same", which is TensorFlow's
   * @param {number} [dilation]
   * @returns {number}
   * @throws {Refusal} for a kernel that does not fit and for what is no whole number
   */
  function outputSize(input, kernel, stride = 1, padding = 0, dilation = 1) {
    const [before, after] = sides(input, kernel, stride, padding, dilation);
    const reach = reachOf(kernel, dilation);
    whole("stride", stride);
    const padded = whole("input", input) + before + after;
    if (reach > padded) {
      const spread = dilation > 1 ? { key: "spread", values: { dilation, reach } } : { key: "nothing" };
      throw new Refusal("kernel_too_large", { kernel, spread, input, padding, padded });
    }
    return Math.floor((padded - reach) / stride) + 1;
  }

  /** Return the pixels that "same" adds along one axis, [before, after], as TensorFlow does (lesson 06). */
  function samePadding(input, kernel, stride = 1, dilation = 1) {
    const last = (Math.ceil(whole("input", input) / whole("stride", stride)) - 1) * stride;
    const total = Math.max(last + reachOf(kernel, dilation) - input, 0);
    return [Math.floor(total / 2), total - Math.floor(total / 2)];
  }

  /** Return the padding along one axis, [before, after]. */
  function sides(input, kernel, stride, padding, dilation = 1) {
    if (padding === "same") return samePadding(input, kernel, stride, dilation);
    if (padding === "valid") return [0, 0];
    if (typeof padding === "string") throw new Refusal("padding_unknown", { value: shown(padding) });
    whole("padding", padding, 0);
    return [padding, padding];
  }

  /**
   * Return how many input pixels one output sees along an axis (lesson 06; Araujo et al. 2019).
   * @param {Array<[number, number]>} layers - [kernel size, stride] from the input on, pooling included
   */
  function receptiveField(layers) {
    let field = 1;
    let step = 1;
    for (const [kernel, stride] of layers) {
      field += (whole("kernel", kernel) - 1) * step;
      step *= whole("stride", stride);
    }
    return field;
  }

  /** Return the parameters of a convolution, f·f·inputs·outputs + outputs (lessons 05, 06). */
  const convParameters = (kernel, inputs, outputs, bias = true) => kernel ** 2 * inputs * outputs + (bias ? outputs : 0);

  /** Return the multiply-adds of a convolution for one example, o·o·f·f·inputs·outputs (lesson 06). */
  const convMacs = (output, kernel, inputs, outputs) => output ** 2 * kernel ** 2 * inputs * outputs;

  /** Return the parameters of a dense layer, inputs·outputs + outputs (lessons 03, 06). */
  const denseParameters = (inputs, outputs, bias = true) => inputs * outputs + (bias ? outputs : 0);

  /** Return the multiply-adds of a dense layer, one per weight (lesson 06). */
  const denseMacs = (inputs, outputs) => inputs * outputs;

  /**
   * What each kind of layer is given, with its usual values, and the shape, parameters and products that follow.
   * `shape(layer, input)` returns {output, parameters: {name: shape}, macs}, or throws a `Refusal`.
   */
  const KINDS = {
    Conv2D: {
      usual: { filters: 8, kernelSize: 3, stride: 1, padding: "valid", bias: true },
      shape({ filters, kernelSize, stride, padding, bias }, input) {
        const [height, width, channels] = map("Conv2D", input);
        const output = [height, width].map((size) => outputSize(size, kernelSize, stride, padding));
        whole("filters", filters);
        const kernel = [kernelSize, kernelSize, channels, filters];
        return {
          output: [...output, filters],
          parameters: bias ? { kernel, bias: [filters] } : { kernel },
          macs: product(output) * product(kernel),
        };
      },
    },
    MaxPool2D: { usual: { size: 2, stride: 2, padding: "valid" }, shape: pooled },
    AvgPool2D: { usual: { size: 2, stride: 2, padding: "valid" }, shape: pooled },
    ReLU: { usual: {}, shape: (_, input) => ({ output: input, parameters: {}, macs: 0 }) },
    Sigmoid: { usual: {}, shape: (_, input) => ({ output: input, parameters: {}, macs: 0 }) },
    BatchNorm: {
      usual: { momentum: 0.99, epsilon: 0.001 },
      shape(_, input) {
        const features = [input.at(-1)];
        return { output: input, parameters: { gamma: features, beta: features }, averages: features[0], macs: 0 };
      },
    },
    Dropout: {
      usual: { rate: 0.5 },
      shape({ rate }, input) {
        if (!(typeof rate === "number" && rate >= 0 && rate < 1)) {
          throw new Refusal("dropout_rate", { value: shown(rate) });
        }
        return { output: input, parameters: {}, macs: 0 };
      },
    },
    Flatten: { usual: {}, shape: (_, input) => ({ output: [product(input)], parameters: {}, macs: 0 }) },
    Dense: {
      usual: { units: 10, bias: true },
      shape({ units, bias }, input) {
        if (input.length !== 1) throw new Refusal("needs_flatten", { shape: by(input) });
        const kernel = [input[0], whole("units", units)];
        return { output: [units], parameters: bias ? { kernel, bias: [units] } : { kernel }, macs: product(kernel) };
      },
    },
  };

  function pooled({ kind, size, stride, padding }, input) {
    const [height, width, channels] = map(kind, input);
    if (padding !== "valid" && padding !== "same") {
      throw new Refusal("pool_padding_unknown", { value: shown(padding) });
    }
    const output = [height, width].map((pixels) => outputSize(pixels, size, stride, padding));
    return { output: [...output, channels], parameters: {}, macs: 0 };
  }

  /** Return a layer with every value that it did not name; a pooling's stride is its size unless given. */
  function complete(layer) {
    const kind = KINDS[layer?.kind];
    if (!kind) throw new Refusal("kind_unknown", { kind: shown(layer?.kind), kinds: Object.keys(KINDS).join(", ") });
    const whole = { kind: layer.kind };
    for (const name of Object.keys(kind.usual)) {
      whole[name] = layer[name] ?? (name === "stride" && "size" in whole ? whole.size : kind.usual[name]);
    }
    return whole;
  }

  /**
   * Return a row per layer: {layer, input, output, parameters, averages, count, activations, macs}, for one image.
   * @param {object[]} layers - each {kind, ...}, as `KINDS` lists them
   * @param {number[]} input - height, width, channels
   * @throws {Refusal} with `place`, the number of the layer at fault
   */
  function count(layers, input) {
    input.forEach((size) => whole("input", size));
    if (!layers.length) throw new Refusal("no_layers");
    const rows = [];
    for (const [place, given] of layers.entries()) {
      try {
        const layer = complete(given);
        const { output, parameters, averages = 0, macs } = KINDS[layer.kind].shape(layer, input);
        const numbers = Object.values(parameters).reduce((sum, shape) => sum + product(shape), 2 * averages);
        rows.push({ layer, input, output, parameters, averages, count: numbers, activations: product(output), macs });
        input = output;
      } catch (error) {
        if (error instanceof Refusal) Object.assign(error, { place, rows });
        throw error;
      }
    }
    return rows;
  }

  /**
   * Return the rows of `count` for a network that a page can train.
   * @param {object[]} layers
   * @param {number[]} input
   * @param {number} classes
   * @param {number} batch - images per step
   * @throws {Refusal} with `place`
   */
  function checked(layers, input, classes, batch) {
    const rows = count(layers, input);
    const place = rows.length - 1;
    const refuse = (key, values) => { throw Object.assign(new Refusal(key, values), { place, rows }); };
    const { output } = rows[place];
    if (output.length !== 1 || output[0] !== classes) refuse("last_layer", { shape: by(output), classes });
    whole("batch", batch);
    const bytes = memory(rows, batch);
    if (bytes > LIMITS.megabytes * 2 ** 20) {
      refuse("too_large", { megabytes: Math.ceil(bytes / 2 ** 20), limit: LIMITS.megabytes });
    }
    const macs = rows.reduce((sum, row) => sum + row.macs, 0) / 1e6;
    if (macs > LIMITS.macs) refuse("too_slow", { macs: Math.ceil(macs), limit: LIMITS.macs });
    return rows;
  }

  /** Return about how many bytes training takes: values and gradients of a batch, parameters with Adam's means. */
  function memory(rows, batch) {
    const values = rows.reduce((sum, row) => sum + product(row.input) + 2 * row.activations, 0);
    const parameters = rows.reduce((sum, row) => sum + row.count, 0);
    return 4 * (values * batch + 5 * parameters);
  }

  function map(kind, input) {
    if (input.length !== 3) throw new Refusal("needs_map", { kind, shape: by(input) });
    return input;
  }

  function reachOf(kernel, dilation) {
    return (whole("kernel", kernel) - 1) * whole("dilation", dilation) + 1;
  }

  /** Return `value`; a `Refusal` unless it is a whole number of at least `least`. */
  function whole(what, value, least = 1) {
    if (!Number.isSafeInteger(value) || value < least) {
      throw new Refusal("not_whole", { what: { key: `what_${what}` }, least, value: shown(value) });
    }
    return value;
  }

  /** Return a value as Python shows it. */
  function shown(value) {
    if (typeof value === "string") return `'${value}'`;
    return value === undefined || value === null ? "None" : String(value);
  }

  /** Return [24, 24, 6] as 24×24×6. */
  const by = (shape) => shape.join("×");

  const product = (sizes) => sizes.reduce((all, size) => all * size, 1);

  Object.assign(convlab, {
    LIMITS, KINDS, outputSize, samePadding, sides, receptiveField, convParameters, convMacs, denseParameters,
    denseMacs, complete, count, checked, memory, by, product, whole,
  });
});
