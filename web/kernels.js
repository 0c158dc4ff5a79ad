/**
 * The one product that nearly all of a network's work goes through, in WebAssembly and in JavaScript.
 */
convlab.part(function kernels(convlab) {
  "use strict";

  /**
   * Memory that is counted first and reserved afterwards, shared by JavaScript and WebAssembly.
   *
   * An `Arena` without a size only counts: its arrays are empty. Allocate everything once from such an arena, make
   * a second one of `counting.bytes`, and allocate the same again.
   */
  class Arena {
    /**
     * @param {number} [bytes] - how much to reserve; nothing is reserved without it
     * @param {boolean} [wasm] - whether WebAssembly should compute on it; JavaScript does where it cannot
     */
    constructor(bytes, wasm = true) {
      this.bytes = 0;
      this.counts = bytes === undefined;
      if (this.counts) return;
      const pages = Math.ceil(bytes / 65536) + 1;
      try {
        if (!wasm) throw new Error("JavaScript was asked for");
        const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
        this.buffer = memory.buffer;
        this.product = compiled(memory);
        this.wasm = true;
      } catch (error) {
        this.buffer = new ArrayBuffer(pages * 65536);
        this.product = plain(this.buffer);
        this.wasm = false;
      }
    }

    /** Return `length` numbers, all 0, as a Float32Array. */
    floats(length) {
      return this.#reserve(Float32Array, length);
    }

    /** Return `length` whole numbers, all 0, as an Int32Array. */
    integers(length) {
      return this.#reserve(Int32Array, length);
    }

    #reserve(Kind, length) {
      const at = this.bytes;
      this.bytes += Math.ceil(length / 4) * 16; // WebAssembly's vectors are loaded fastest from multiples of 16
      return this.counts ? new Kind(0) : new Kind(this.buffer, at, length);
    }
  }

  /**
   * Return the product of matrices whose rows may stand anywhere, over one memory, in JavaScript.
   *
   * It computes, for every row i and column j,
   *     c[cRows[i] + j] = start + sum over k of a[aRows[i] + aSteps[k]] * b[k * columns + j].
   * All arguments but the last three are byte addresses: a, b, c and `first` of floats, `aRows`, `aSteps` and
   * `cRows` of tables of byte offsets. With `first` = 0 the sum starts from what stands in c, otherwise from
   * the `columns` numbers at `first`. Four successive rows of c must not overlap. A table of offsets makes a
   * convolution out of it without a copy of the windows: lesson 07 copies them (im2col).
   * @param {ArrayBuffer} buffer
   */
  function plain(buffer) {
    const f = new Float32Array(buffer);
    const t = new Int32Array(buffer);
    return function product(a, aRows, aSteps, b, c, cRows, first, rows, steps, columns) {
      a >>= 2, aRows >>= 2, aSteps >>= 2, b >>= 2, c >>= 2, cRows >>= 2, first >>= 2;
      for (let i = 0; i < rows; i++) {
        const from = a + (t[aRows + i] >> 2);
        const to = c + (t[cRows + i] >> 2);
        if (first) for (let j = 0; j < columns; j++) f[to + j] = f[first + j];
        for (let k = 0; k < steps; k++) {
          const value = f[from + (t[aSteps + k] >> 2)];
          if (value === 0) continue; // behind a ReLU many are
          const line = b + k * columns;
          for (let j = 0; j < columns; j++) f[to + j] += value * f[line + j];
        }
      }
    };
  }

  /** Return the same product, compiled by WebAssembly with its vectors of four floats. */
  function compiled(memory) {
    module ??= new WebAssembly.Module(bytecode());
    return new WebAssembly.Instance(module, { env: { memory } }).exports.product;
  }

  let module;

  /**
   * Return the bytes of a WebAssembly module that imports a memory and exports `product`.
   *
   * Blocks of 4 rows x 8 columns are summed up in registers; what is left over is done in blocks of 4 or 1
   * columns, and of 1 row. Opcodes: WebAssembly Core Specification 2.0, chapter 5.
   */
  function bytecode() {
    const I32 = 0x7f, F32 = 0x7d, V128 = 0x7b, EMPTY = 0x40;
    const unsigned = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)]);
    const vector = (items) => [...unsigned(items.length), ...items.flat(Infinity)];
    const section = (id, bytes) => [id, ...vector(bytes.flat(Infinity))];
    const text = (string) => vector([...string].map((letter) => letter.charCodeAt(0)));

    const names = "a aRows aSteps b c cRows first rows steps columns".split(" ");
    const integers = "width end j i bAt step stepAt rowAt from0 from1 from2 from3 to0 to1 to2 to3".split(" ");
    const vectors = "sum00 sum01 sum10 sum11 sum20 sum21 sum30 sum31 b0 b1 value".split(" ");
    const floats = "one0 one1 one2 one3 oneB".split(" ");
    const place = Object.fromEntries([...names, ...integers, ...vectors, ...floats].map((name, i) => [name, i]));

    const get = (name) => [0x20, ...unsigned(place[name])];
    const set = (name, ...value) => [...value.flat(Infinity), 0x21, ...unsigned(place[name])];
    const number = (n) => [0x41, ...unsigned(n)]; // all are below 64, so that the sign bit stays 0
    const add = (...terms) => [terms[0], terms.slice(1).map((term) => [term, 0x6a])].flat(Infinity);
    const times4 = (name) => [get(name), number(2), 0x74];
    const load = (address, offset = 0) => [address, 0x28, 2, ...unsigned(offset)];
    const whileTrue = (condition, body) => [0x02, EMPTY, 0x03, EMPTY, condition, 0x45, 0x0d, 1, body, 0x0c, 0, 0x0b, 0x0b];
    const notOver = (left, right) => [left, right, 0x4d]; // left <= right, unsigned

    // the three widths of a block: how a number of that width is loaded, spread, multiplied, added and stored
    const four = {
      load: (address, offset) => [address, 0xfd, 0, 2, ...unsigned(offset)],
      spread: (address) => [address, 0xfd, 9, 2, 0],
      store: (address, value, offset) => [address, value, 0xfd, 11, 2, ...unsigned(offset)],
      times: [0xfd, 0xe6, 1], plus: [0xfd, 0xe4, 1],
    };
    const one = {
      load: (address, offset) => [address, 0x2a, 2, ...unsigned(offset)],
      spread: (address) => [address, 0x2a, 2, 0],
      store: (address, value, offset) => [address, value, 0x38, 2, ...unsigned(offset)],
      times: 0x94, plus: 0x92,
    };

    /** One block of `count` rows and `lanes` columns: load or start the sums, add all steps, store the sums. */
    const block = (count, lanes) => {
      const kind = lanes === 1 ? one : four;
      const parts = lanes === 8 ? [0, 1] : [0];
      const rows = [...Array(count).keys()];
      const each = (use) => rows.map((row) => parts.map((part) => use(row, part)));
      const sum = (row, part) => (lanes === 1 ? `one${row}` : `sum${row}${part}`);
      const line = (part) => (lanes === 1 ? "oneB" : `b${part}`);
      const spread = lanes === 1 ? null : "value";
      return [
        rows.map((row) => [
          set(`from${row}`, add(get("a"), load(add(get("aRows"), times4("i")), 4 * row))),
          set(`to${row}`, add(get("c"), get("j"), load(add(get("cRows"), times4("i")), 4 * row))),
        ]),
        get("first"), 0x04, EMPTY,
        each((row, part) => set(sum(row, part), kind.load(add(get("first"), get("j")), 16 * part))),
        0x05,
        each((row, part) => set(sum(row, part), kind.load(get(`to${row}`), 16 * part))),
        0x0b,
        set("bAt", add(get("b"), get("j"))),
        set("stepAt", get("aSteps")),
        0x03, EMPTY,
        set("step", load(get("stepAt"))),
        parts.map((part) => set(line(part), kind.load(get("bAt"), 16 * part))),
        rows.map((row) => {
          const value = kind.spread(add(get(`from${row}`), get("step")));
          const used = spread ? [set(spread, value), get(spread)] : value;
          return parts.map((part, i) => set(
            sum(row, part), get(sum(row, part)), i ? get(spread) : used, get(line(part)), kind.times, kind.plus,
          ));
        }),
        set("bAt", add(get("bAt"), get("width"))),
        set("stepAt", add(get("stepAt"), number(4))),
        get("stepAt"), get("end"), 0x49, 0x0d, 0, 0x0b,
        each((row, part) => kind.store(get(`to${row}`), get(sum(row, part)), 16 * part)),
      ];
    };
    const body = [
      set("width", times4("columns")),
      set("end", add(get("aSteps"), times4("steps"))),
      set("j", number(0)),
      [8, 4, 1].map((lanes) => whileTrue(notOver(add(get("j"), number(4 * lanes)), get("width")), [
        set("i", number(0)),
        [4, 1].map((count) => whileTrue(notOver(add(get("i"), number(count)), get("rows")), [
          block(count, lanes),
          set("i", add(get("i"), number(count))),
        ])),
        set("j", add(get("j"), number(4 * lanes))),
      ])),
      0x0b,
    ].flat(Infinity);
    const locals = [[integers.length, I32], [vectors.length, V128], [floats.length, F32]];
    const code = [vector(locals), body].flat(Infinity);
    return new Uint8Array([
      0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
      section(1, [1, 0x60, names.length, names.map(() => I32), 0]),
      section(2, [1, text("env"), text("memory"), 2, 0, 0]),
      section(3, [1, 0]),
      section(7, [1, text("product"), 0, 0]),
      section(10, [1, unsigned(code.length), code]),
    ].flat(Infinity));
  }

  Object.assign(convlab, { Arena });
});
