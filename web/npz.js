/**
 * NumPy's .npz files (zip archives of .npy arrays), and networks in them.
 */
convlab.part(function npz(convlab) {
  "use strict";
  const { Refusal, product } = convlab;

  const LOCAL = 0x04034b50; // the signatures of a zip archive's records: PKWARE's APPNOTE.TXT, section 4.3
  const CENTRAL = 0x02014b50;
  const END = 0x06054b50;

  /**
   * Return the bytes of an uncompressed .npz file.
   * @param {Object<string, {data: Float32Array|Uint8Array, shape: number[]}>} arrays
   * @returns {Uint8Array}
   */
  function writeNpz(arrays) {
    const files = Object.entries(arrays).map(([name, array]) => ({ name: utf8(`${name}.npy`), bytes: npy(array) }));
    const local = [];
    const central = [];
    let at = 0;
    for (const { name, bytes } of files) {
      const about = [20, 0, 0, 0, 0x21, crc32(bytes), bytes.length, bytes.length, name.length]; // 1980-01-01, 0:00
      const record = fields("4222224442", [LOCAL, ...about]);
      const header = concatenated([record, fields("2", [0]), name]);
      central.push(concatenated([
        fields("42222224442", [CENTRAL, 20, ...about]), fields("2222", [0, 0, 0, 0]), fields("44", [0, at]), name,
      ]));
      local.push(header, bytes);
      at += header.length + bytes.length;
    }
    const size = central.reduce((sum, one) => sum + one.length, 0);
    return concatenated([...local, ...central, fields("42222442", [END, 0, 0, files.length, files.length, size, at, 0])]);
  }

  /**
   * Return the arrays of an .npz file: {name: {data, shape}}, floating point numbers as Float32Array.
   * @param {Uint8Array} bytes
   * @throws {Refusal} for what is no such file, or holds other numbers
   */
  async function readNpz(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let end = bytes.length - 22;
    while (end >= 0 && view.getUint32(end, true) !== END) end -= 1;
    if (end < 0) throw new Refusal("npz_none");
    const arrays = {};
    let at = view.getUint32(end + 16, true);
    for (let i = 0; i < view.getUint16(end + 10, true); i++) {
      if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL) throw new Refusal("npz_damaged");
      const method = view.getUint16(at + 10, true);
      const [crc, packed] = [view.getUint32(at + 16, true), view.getUint32(at + 20, true)];
      const [nameLength, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
      const header = view.getUint32(at + 42, true);
      const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
      if (header + 30 > bytes.length) throw new Refusal("npz_damaged");
      const from = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
      const content = await unpacked(bytes.subarray(from, from + packed), method);
      if (crc32(content) !== crc) throw new Refusal("npz_damaged");
      arrays[name.replace(/\.npy$/, "")] = readNpy(content);
      at += 46 + nameLength + extra + comment;
    }
    return arrays;
  }

  async function unpacked(bytes, method) {
    if (method === 0) return bytes;
    if (method !== 8) throw new Refusal("npz_damaged");
    try {
      return await convlab.gunzip(bytes, "deflate-raw");
    } catch (error) {
      throw new Refusal("npz_damaged");
    }
  }

  /** Return an array as a .npy file: version 1.0, row by row. */
  function npy({ data, shape }) {
    const type = data instanceof Uint8Array ? "|u1" : "<f4";
    const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
    const about = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
    const padded = about.padEnd(Math.ceil((about.length + 11) / 64) * 64 - 11) + "\n";
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return concatenated([Uint8Array.of(0x93), utf8("NUMPY"), fields("112", [1, 0, padded.length]), utf8(padded), bytes]);
  }

  function readNpy(bytes) {
    const text = new TextDecoder("latin1").decode(bytes.subarray(0, Math.min(bytes.length, 1024)));
    const found = /^.NUMPY(.)[^]*?\{'descr': '([^']+)', 'fortran_order': (True|False), 'shape': \(([^)]*)\)/.exec(text);
    if (!found) throw new Refusal("npz_damaged");
    const [, version, type, columns, sizes] = found;
    const shape = sizes.split(",").filter((size) => size.trim()).map(Number);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const from = version.charCodeAt(0) === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true);
    const size = { "<f4": 4, "<f2": 2, "|u1": 1 }[type];
    const count = product(shape);
    if (!size || columns === "True") throw new Refusal("npz_type", { type: columns === "True" ? "Fortran" : type });
    if (bytes.length < from + count * size) throw new Refusal("npz_damaged");
    if (type === "|u1") return { data: bytes.slice(from, from + count), shape };
    const data = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      data[i] = size === 4 ? view.getFloat32(from + 4 * i, true) : float16(view.getUint16(from + 2 * i, true));
    }
    return { data, shape };
  }

  /** Return the number that 16 bits stand for (IEEE 754, binary16). */
  function float16(bits) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : (2 ** -14 * fraction) / 1024);
  }

  /** Return the checksum that zip archives carry. */
  function crc32(bytes) {
    let crc = -1;
    for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ CRC[(crc ^ bytes[i]) & 255];
    return ~crc >>> 0;
  }

  const CRC = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    return crc;
  });

  /** Return numbers in so many bytes each, the lowest byte first: `fields("24", [1, 2])` are six bytes. */
  function fields(sizes, numbers) {
    return Uint8Array.from(numbers.flatMap((number, i) => (
      Array.from({ length: Number(sizes[i]) }, (_, byte) => (number >>> (8 * byte)) & 255))));
  }

  function concatenated(parts) {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  const utf8 = (text) => new TextEncoder().encode(text);

  // ------------------------------------------------------------------ networks

  const conv = (filters, bias = true) => ({ kind: "Conv2D", filters, kernelSize: 3, stride: 1, padding: "same", bias });
  const pool = (size, padding = "valid") => ({ kind: "MaxPool2D", size, stride: size, padding });
  const [relu, flatten] = [{ kind: "ReLU" }, { kind: "Flatten" }];
  const norm = { kind: "BatchNorm", momentum: 0.9, epsilon: 1e-5 };
  const dropout = { kind: "Dropout", rate: 0.5 };
  /** The course's networks for digits whose trained weights lie in data/weights: `convlab.networks.mnist`. */
  const COURSE = {
    mnist_deep: [
      ...[16, 32, 64].flatMap((maps) => [conv(maps), relu, conv(maps), relu, pool(2, "same")]),
      flatten, dropout, { kind: "Dense", units: 50 }, relu, dropout, { kind: "Dense", units: 10 },
    ],
    mnist_fast: [
      conv(32, false), pool(2), norm, relu, conv(32, false), pool(2), norm, relu,
      ...[1, 2].flatMap(() => [conv(64, false), norm, relu]), pool(7), flatten, { kind: "Dense", units: 10 },
    ],
  };

  /**
   * Return a network and its weights as an .npz file, which `convlab.networks.from_page` reads in Python.
   * @param {{layers: object[], input: number[], classes: number}} about
   * @param {Object<string, Float32Array>} weights - as `Network.weights` returns them
   */
  function writeNetwork({ layers, input, classes, scale = convlab.SCALE }, weights) {
    const complete = layers.map(convlab.complete);
    const json = utf8(JSON.stringify({ form: 1, layers: complete, input, classes, scale }));
    const shapes = Object.entries(weightShapes(complete, input));
    const arrays = shapes.map(([name, shape]) => [name, { data: weights[name], shape }]);
    return writeNpz({ network: { data: json, shape: [json.length] }, ...Object.fromEntries(arrays) });
  }

  /**
   * Return {layers, input, classes, weights} of a file that this page or the course has written.
   * @param {Uint8Array} bytes
   * @throws {Refusal} for a damaged file, and for weights of a network that is not known
   */
  async function readNetwork(bytes) {
    const arrays = await readNpz(bytes);
    const about = arrays.network ? parsed(arrays.network.data) : courseNetwork(arrays);
    const { layers, input, classes } = about;
    convlab.checked(layers, input, classes, 1);
    const weights = {};
    for (const [name, shape] of Object.entries(weightShapes(layers, input))) {
      const array = (about.arrays ?? arrays)[name];
      if (!array) throw new Refusal("weights_missing", { name });
      if (String(array.shape) !== String(shape)) {
        throw new Refusal("weights_shape", { name, came: convlab.by(array.shape), expected: convlab.by(shape) });
      }
      if (!array.data.every(Number.isFinite)) throw new Refusal("weights_not_finite", { name });
      weights[name] = array.data;
    }
    return { layers, input, classes, weights };
  }

  function parsed(bytes) {
    try {
      const about = JSON.parse(new TextDecoder().decode(bytes));
      if (!Array.isArray(about.layers) || !Array.isArray(about.input)) throw new Error("no layers");
      return { ...about, layers: about.layers.map(convlab.complete) };
    } catch (error) {
      throw error instanceof Refusal ? error : new Refusal("npz_damaged");
    }
  }

  /** Return the course's network whose weights have these shapes; they are numbered in the order of its layers. */
  function courseNetwork(arrays) {
    const input = [28, 28, 1];
    const names = Object.keys(arrays).sort((one, other) => Number(one) - Number(other));
    for (const given of Object.values(COURSE)) {
      const layers = given.map(convlab.complete);
      const shapes = Object.entries(weightShapes(layers, input));
      const fits = shapes.length === names.length
        && shapes.every(([, shape], i) => String(shape) === String(arrays[names[i]].shape));
      if (!fits) continue;
      return { layers, input, classes: 10, arrays: Object.fromEntries(shapes.map(([name], i) => [name, arrays[names[i]]])) };
    }
    throw new Refusal("npz_unknown");
  }

  /** Return the shape of every array of weights by its name, in Keras's order: parameters, then averages. */
  function weightShapes(layers, input) {
    const named = convlab.count(layers, input).flatMap((row, place) => {
      const averages = row.averages ? { moving_mean: [row.averages], moving_variance: [row.averages] } : {};
      return Object.entries({ ...row.parameters, ...averages }).map(([name, shape]) => [`${place}.${name}`, shape]);
    });
    return Object.fromEntries(named);
  }

  Object.assign(convlab, { writeNpz, readNpz, writeNetwork, readNetwork, COURSE });
});
