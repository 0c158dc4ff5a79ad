/**
 * The digits of the page: MNIST in sixteen greys, two pixels a byte, compressed (made by coursekit.publishing.live).
 */
convlab.part(function digits(convlab) {
  "use strict";

  /** Mean and standard deviation of MNIST's training pixels, 0 to 255: what the course standardises with. */
  const SCALE = { mean: [33.318421], std: [78.56749] };

  /**
   * Return the images and labels of packed digits.
   * @param {string} packed - base64 of gzip of: four numbers of 32 bits (training images, test images, height, width),
   *   one label a byte, then half a byte per pixel
   * @returns {Promise<object>} {shape, scale, names, train, test}; the last two {images, labels: Uint8Array, count}
   */
  async function unpackDigits(packed) {
    const bytes = await gunzip(fromBase64(packed));
    const [train, test, height, width] = new Uint32Array(bytes.buffer.slice(0, 16));
    const labels = bytes.subarray(16, 16 + train + test);
    const halves = bytes.subarray(16 + train + test);
    const images = new Uint8Array(2 * halves.length);
    for (let i = 0; i < halves.length; i++) {
      images[2 * i] = 17 * (halves[i] >> 4);
      images[2 * i + 1] = 17 * (halves[i] & 15);
    }
    const size = height * width;
    const shape = [height, width, 1];
    return {
      shape, scale: SCALE, names: [...Array(10).keys()].map(String),
      train: { images: images.subarray(0, train * size), labels: labels.subarray(0, train), count: train },
      test: { images: images.subarray(train * size), labels: labels.subarray(train), count: test },
    };
  }

  /** Return the bytes that a base64 text stands for. */
  function fromBase64(text) {
    const letters = atob(text);
    const bytes = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
    return bytes;
  }

  /** Return uncompressed bytes; `format` as DecompressionStream names it. */
  async function gunzip(bytes, format = "gzip") {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /**
   * Write an image's pixels (0 to 255), moved by whole pixels, standardised, into `to` from number `start` on.
   * @param {{mean: number[], std: number[]}} scale - one of each per channel
   */
  function standardize(from, first, [height, width, channels], scale, to, start, down = 0, right = 0) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const inside = row >= down && row - down < height && column >= right && column - right < width;
        for (let c = 0; c < channels; c++) {
          const pixel = inside ? from[first + ((row - down) * width + column - right) * channels + c] : 0;
          to[start + (row * width + column) * channels + c] = (pixel - scale.mean[c]) / scale.std[c];
        }
      }
    }
  }

  Object.assign(convlab, { SCALE, unpackDigits, gunzip, fromBase64, standardize });
});
