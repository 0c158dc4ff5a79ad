/**
 * Explorers of lessons 09 and 10: trained networks answer in the page while a digit is moved, or partly hidden.
 *
 * The weights are those of data/weights; a page has them beside it (`mnist-deep.js`), a notebook passes them along.
 */
convlab.part(function trained(convlab) {
  "use strict";
  const { digit, drawing, fromBase64, largest, percent, range, say, shareBars, svg } = convlab;

  const SIDE = 28;
  const ZOOM = 7;
  const STEP = 2; // pixels from one place of the square to the next, on the map of all places

  /** Return a network of data/weights, ready to answer. */
  async function ready(name) {
    const { layers, input, classes, weights } = await convlab.readNetwork(await convlab.packaged(name));
    const network = new convlab.Network(layers, { input, classes, batchSize: SIDE / STEP });
    network.setWeights(weights);
    return network;
  }

  /** Return the shares that a network gives to the ten digits, for each image of pixels from 0 to 255. */
  function answers(network, images) {
    const { mean: [mean], std: [deviation] } = convlab.SCALE;
    const scaled = Float32Array.from(images.flatMap((image) => Array.from(image, (pixel) => (pixel - mean) / deviation)));
    const shares = [...network.probabilities(scaled)];
    return images.map((_, i) => shares.slice(10 * i, 10 * i + 10));
  }

  const prepare = async (options) => ({
    ...options,
    digits: options.digits.map(({ label, pixels }) => ({ label, pixels: fromBase64(pixels) })),
    networks: await Promise.all(options.names.map(ready)),
    maps: new Map(), // maps of all places that the reader has asked for, by digit and size of the square
  });
  const shownDigit = (value, { digits }) => say("label_is", { label: digits[value].label });

  // ------------------------------------------------------------------ hide a part (lesson 10)

  /** `options`: {names: [network], digits: [{label, pixels}]}. */
  const occlusion = {
    sliders: { digit: [0, 0, 4], size: [6, 2, 14], row: [12, 0, 26], column: [8, 0, 26] },
    prepare,
    limits: ({ size }, { digits }) => ({ digit: [0, digits.length - 1], row: [0, SIDE - size], column: [0, SIDE - size] }),
    shown: { digit: shownDigit },
    sentence(values, { digits, networks: [network] }) {
      const { label, pixels } = digits[values.digit];
      const [before, after] = answers(network, [pixels, hidden(pixels, values)]);
      return say("occlusion_sentence", {
        label, before: percent(before[label]), after: percent(after[label]), guess: largest(after), share: percent(after[largest(after)]),
      });
    },
    picture(values, { digits, networks: [network], maps }) {
      const { label, pixels } = digits[values.digit];
      const { row, column, size } = values;
      const image = hidden(pixels, values);
      const square = { x: column * ZOOM, y: row * ZOOM, width: size * ZOOM, height: size * ZOOM };
      const own = maps.get(`${values.digit} ${size}`);
      return [
        drawing(SIDE * ZOOM + 2, SIDE * ZOOM + 2, digit(image, ZOOM), svg("rect", { ...square, class: "cx-window" })),
        shareBars([{ title: say("occlusion_bars"), shares: answers(network, [image])[0] }]),
        own ? fallMap(pixels, own, size, label) : null,
      ];
    },
    act: {
      name: "occlusion_map",
      change(values, { digits, networks: [network], maps }) {
        const { label, pixels } = digits[values.digit];
        const places = range(Math.floor((SIDE - values.size) / STEP) + 1).map((place) => STEP * place);
        const [[whole]] = [answers(network, [pixels])];
        maps.set(`${values.digit} ${values.size}`, places.map((row) => (
          answers(network, places.map((column) => hidden(pixels, { ...values, row, column })))
            .map((shares) => whole[label] - shares[label]))));
        return {};
      },
    },
    /** A press puts the middle of the square there. */
    choose(left, top, { size }) {
      const [row, column] = [top, left].map((place) => Math.round(place / ZOOM - size / 2));
      return left > SIDE * ZOOM || top > SIDE * ZOOM ? null : { row, column };
    },
  };

  /** Return the image with a black square. */
  function hidden(pixels, { row, column, size }) {
    const image = pixels.slice();
    for (let y = row; y < row + size; y++) image.fill(0, y * SIDE + column, y * SIDE + column + size);
    return image;
  }

  /** Return the digit under the map of falls: where the middle of the square lies when the share falls. */
  function fallMap(pixels, falls, size, label) {
    const cells = falls.flatMap((line, y) => line.map((fall, x) => (fall < 0.02 ? null : svg("rect", {
      x: (STEP * x + size / 2 - STEP / 2) * ZOOM, y: (STEP * y + size / 2 - STEP / 2) * ZOOM, width: STEP * ZOOM, height: STEP * ZOOM,
      fill: "#ff8c1a", "fill-opacity": Math.min(1, fall).toFixed(2),
    }))));
    return drawing(SIDE * ZOOM + 2, SIDE * ZOOM + 20, digit(pixels, ZOOM), ...cells,
      convlab.label(0, SIDE * ZOOM + 15, say("occlusion_fall", { label })));
  }

  // ------------------------------------------------------------------ move a digit (lesson 09)

  /** `options`: {names: [without shifts in training, with them], digits}. */
  const shift = {
    sliders: { digit: [1, 0, 4], right: [6, -8, 8], down: [0, -8, 8] },
    prepare,
    limits: (_, { digits }) => ({ digit: [0, digits.length - 1] }),
    shown: { digit: shownDigit },
    sentence(values, known) {
      const [without, trained] = guesses(values, known);
      return say("shift_sentence", {
        label: known.digits[values.digit].label, right: values.right, down: values.down,
        none: largest(without), none_share: percent(without[largest(without)]),
        shifted: largest(trained), shifted_share: percent(trained[largest(trained)]),
      });
    },
    picture(values, known) {
      const image = moved(known.digits[values.digit].pixels, values);
      const titles = ["shift_none", "shift_shifted"];
      return [
        drawing(SIDE * ZOOM + 2, SIDE * ZOOM + 2, digit(image, ZOOM)),
        shareBars(guesses(values, known).map((shares, i) => ({ title: say(titles[i]), shares }))),
      ];
    },
  };

  const guesses = (values, { digits, networks }) => {
    const image = moved(digits[values.digit].pixels, values);
    return networks.map((network) => answers(network, [image])[0]);
  };

  /** Return the image moved, with black behind it. */
  function moved(pixels, { right, down }) {
    const image = new Uint8Array(SIDE * SIDE);
    for (let row = Math.max(down, 0); row < Math.min(SIDE, SIDE + down); row++) {
      for (let column = Math.max(right, 0); column < Math.min(SIDE, SIDE + right); column++) {
        image[row * SIDE + column] = pixels[(row - down) * SIDE + column - right];
      }
    }
    return image;
  }

  Object.assign(convlab, { EXPLORERS: { ...convlab.EXPLORERS, occlusion, shift }, answers });
});
