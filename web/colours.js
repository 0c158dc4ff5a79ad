/**
 * Colour images of 32x32 pixels: the course's drawn figures, and CIFAR-10 from the reader's own file.
 */
convlab.part(function colours(convlab) {
  "use strict";
  const { Random } = convlab;

  const SIDE = 32;
  const SIZE = SIDE * SIDE * 3;
  const { abs, min, max, sqrt, floor } = Math;

  // A form takes coordinates in which its figure has radius 1 and returns the depth within the edge, or below 0:
  // the forms of convlab.datasets.drawn. The pixels differ from Python's, because the random numbers do.
  const wave = (u) => abs(1.5 * u - floor(1.5 * u) - 0.5) / 1.5 - 1 / 6;
  const disk = (u, v) => 1 - sqrt(u * u + v * v);
  const FORMS = {
    disk,
    ring: (u, v) => 0.2 - abs(sqrt(u * u + v * v) - 0.8),
    square: (u, v) => 0.85 - max(abs(u), abs(v)),
    triangle: (u, v) => 0.55 - max(v, 0.866 * abs(u) - 0.5 * v),
    cross: (u, v) => min(0.3 - min(abs(u), abs(v)), 1 - max(abs(u), abs(v))),
    star: (u, v) => 1.1 - sqrt(abs(u)) - sqrt(abs(v)),
    crescent: (u, v) => min(disk(u, v), sqrt((u - 0.5) * (u - 0.5) + v * v) - 0.75),
    stripes: (u, v) => min(disk(u, v), wave(u)),
    checks: (u, v) => min(disk(u, v), 8 * wave(u) * wave(v)),
    dots: (u, v) => min(disk(u, v), 0.22 - sqrt((wave(u) + 1 / 6) ** 2 + (wave(v) + 1 / 6) ** 2)),
  };
  const CIFAR_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
  const CIFAR_TEST = 1000; // of the 10,000 images of one file

  /** Return a data set of drawn figures, ten classes, which differ in their form alone. */
  function drawFigures(train, test, seed) {
    const random = new Random(seed + 1000003);
    return dataset(Object.keys(FORMS), drawn(train, random), drawn(test, random));
  }

  function drawn(count, random) {
    const names = Object.keys(FORMS);
    const images = new Uint8Array(count * SIZE);
    const labels = Uint8Array.from({ length: count }, (_, i) => i % names.length);
    random.shuffle(labels);
    for (let i = 0; i < count; i++) drawOne(images.subarray(i * SIZE, (i + 1) * SIZE), FORMS[names[labels[i]]], random);
    return { images, labels, count };
  }

  /** Draw one image: a background, two bars over it, the figure over both, noise over all. */
  function drawOne(image, form, random) {
    const between = (low, high) => low + (high - low) * random.uniform();
    const whole = (low, end) => low + random.below(end - low);
    const colour = () => [0, 1, 2].map(() => whole(0, 256));
    const axes = (margin, most) => {
      const [x, y, t] = [between(margin, SIDE - margin), between(margin, SIDE - margin), between(-most, most)];
      const [cosine, sine] = [(1 - t * t) / (1 + t * t), (2 * t) / (1 + t * t)];
      return (row, column) => {
        const [right, down] = [column + 0.5 - x, row + 0.5 - y];
        return [cosine * right + sine * down, cosine * down - sine * right];
      };
    };
    const paint = (depth, paintColour) => {
      for (let row = 0; row < SIDE; row++) {
        for (let column = 0; column < SIDE; column++) {
          const cover = min(max(depth(row, column) + 0.5, 0), 1);
          if (!cover) continue;
          for (let c = 0; c < 3; c++) {
            const at = (row * SIDE + column) * 3 + c;
            image[at] += cover * (paintColour[c] - image[at]);
          }
        }
      }
    };
    background(image, whole);
    for (let i = 0; i < 2; i++) {
      const [along, length, width] = [axes(0, 1), between(4, 12), between(0.5, 2)];
      paint((row, column) => {
        const [u, v] = along(row, column);
        return min(length - abs(u), width - abs(v));
      }, colour());
    }
    const [radius, within] = [between(6, 11), axes(8, 0.4)];
    let centre = [0, Infinity];
    for (let i = 0; i < SIDE * SIDE; i++) {
      const [u, v] = within(floor(i / SIDE), i % SIDE);
      if (u * u + v * v < centre[1]) centre = [i, u * u + v * v];
    }
    const unlike = [0, 1, 2].map((c) => (image[centre[0] * 3 + c] + whole(60, 196)) % 256);
    paint((row, column) => {
      const [u, v] = within(row, column);
      return radius * form(u / radius, v / radius);
    }, unlike);
    for (let i = 0; i < SIZE; i++) image[i] = min(max(image[i] + random.below(32) - 16, 0), 255);
  }

  /** Fill an image with colours that change linearly between the corners of cells of 8 pixels. */
  function background(image, whole) {
    const cell = 8;
    const contrast = whole(1, 4);
    for (let c = 0; c < 3; c++) {
      const colour = whole(40, 216);
      const corners = Array.from({ length: 25 }, () => min(max(colour + contrast * whole(-40, 41), 0), 255));
      for (let row = 0; row < SIDE; row++) {
        for (let column = 0; column < SIDE; column++) {
          const [top, left] = [floor(row / cell), floor(column / cell)];
          const [down, right] = [(row % cell) / cell, (column % cell) / cell];
          const at = (y, x) => corners[(top + y) * 5 + left + x];
          const line = (y) => (1 - right) * at(y, 0) + right * at(y, 1);
          image[(row * SIDE + column) * 3 + c] = (1 - down) * line(0) + down * line(1);
        }
      }
    }
  }

  /**
   * Return a data set of one file of CIFAR-10's binary version, data_batch_1.bin: 10,000 times a label and 3,072
   * bytes, all red, all green, all blue. A `Refusal` for what is no such file.
   */
  function readCifar(bytes) {
    const record = 1 + SIZE;
    const count = bytes.length / record;
    const looksRight = Number.isInteger(count) && count > CIFAR_TEST
      && Array.from({ length: count }, (_, i) => bytes[i * record]).every((label) => label < CIFAR_NAMES.length);
    if (!looksRight) throw new convlab.Refusal("cifar_file", { bytes: bytes.length });
    const part = (first, end) => {
      const images = new Uint8Array((end - first) * SIZE);
      const labels = new Uint8Array(end - first);
      for (let i = first; i < end; i++) {
        labels[i - first] = bytes[i * record];
        for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
          for (let c = 0; c < 3; c++) {
            images[(i - first) * SIZE + 3 * pixel + c] = bytes[i * record + 1 + c * SIDE * SIDE + pixel];
          }
        }
      }
      return { images, labels, count: end - first };
    };
    return dataset(CIFAR_NAMES, part(0, count - CIFAR_TEST), part(count - CIFAR_TEST, count));
  }

  /** Return a data set with the mean and spread of its training pixels, per channel. */
  function dataset(names, train, test) {
    const [sums, squares] = [[0, 0, 0], [0, 0, 0]];
    for (let i = 0; i < train.images.length; i++) {
      sums[i % 3] += train.images[i];
      squares[i % 3] += train.images[i] ** 2;
    }
    const n = train.images.length / 3;
    const mean = sums.map((sum) => sum / n);
    const std = squares.map((square, c) => sqrt(square / n - mean[c] ** 2));
    return { shape: [SIDE, SIDE, 3], scale: { mean, std }, names, train, test };
  }

  Object.assign(convlab, { drawFigures, readCifar, FORMS });
});
