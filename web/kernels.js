/**
 * The loops that nearly all of a network's time goes through, in WebAssembly and, the same, in JavaScript.
 */
convlab.part(function kernels(convlab) {
  "use strict";

  /**
   * Memory that is counted first and reserved afterwards, shared by JavaScript and WebAssembly.
   *
   * An `Arena` without a size only counts: its arrays are empty. Allocate everything once from such an arena, make a
   * second one of `counting.bytes`, and allocate the same again. `kernels` compute on it: product, relu, reluGradient,
   * maxPool, maxPoolGradient, as `plain` below says; their arguments are byte addresses and counts.
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
        this.kernels = compiled(memory);
        this.buffer = memory.buffer;
        this.wasm = true;
      } catch (error) {
        this.buffer = new ArrayBuffer(pages * 65536);
        this.kernels = plain(this.buffer);
        this.wasm = false;
      }
    }

    /** Return `length` numbers, all 0, as a Float32Array; up to three more behind them are nobody else's. */
    floats(length) {
      return this.#reserve(Float32Array, length);
    }

    /** Return `length` whole numbers, all 0, as an Int32Array. */
    integers(length) {
      return this.#reserve(Int32Array, length);
    }

    #reserve(Kind, length) {
      const at = this.bytes;
      this.bytes += Math.ceil(length / 4) * 16; // vectors are loaded fastest from multiples of 16
      return this.counts ? new Kind(0) : new Kind(this.buffer, at, length);
    }
  }

  /** Return the kernels in JavaScript, over one memory. */
  function plain(buffer) {
    const f = new Float32Array(buffer);
    const t = new Int32Array(buffer);
    return {
      /**
       * A product of matrices whose rows may stand anywhere. For every row i and column j it computes
       *     c[cRows[i] + j] = start + sum over k of a[aRows[i] + aSteps[k]] * b[k * columns + j].
       * `aRows`, `aSteps` and `cRows` are tables of byte offsets. With `first` = 0 the sum starts from what stands
       * in c, otherwise from the `columns` numbers at `first`. Four successive rows of c must not overlap. The tables
       * make a convolution out of it without copying windows, which lesson 07's im2col does.
       */
      product(a, aRows, aSteps, b, c, cRows, first, rows, steps, columns) {
        a >>= 2, aRows >>= 2, aSteps >>= 2, b >>= 2, c >>= 2, cRows >>= 2, first >>= 2;
        for (let i = 0; i < rows; i++) {
          const from = a + (t[aRows + i] >> 2);
          const to = c + (t[cRows + i] >> 2);
          let j = 0;
          for (; j + 4 <= columns; j += 4) {
            const start = (first || to) + j;
            let [sum0, sum1, sum2, sum3] = [f[start], f[start + 1], f[start + 2], f[start + 3]];
            for (let k = 0, line = b + j; k < steps; k++, line += columns) {
              const value = f[from + (t[aSteps + k] >> 2)];
              sum0 += value * f[line];
              sum1 += value * f[line + 1];
              sum2 += value * f[line + 2];
              sum3 += value * f[line + 3];
            }
            f[to + j] = sum0;
            f[to + j + 1] = sum1;
            f[to + j + 2] = sum2;
            f[to + j + 3] = sum3;
          }
          for (; j < columns; j++) {
            let sum = f[(first || to) + j];
            for (let k = 0, at = b + j; k < steps; k++, at += columns) sum += f[from + (t[aSteps + k] >> 2)] * f[at];
            f[to + j] = sum;
          }
        }
      },

      /** Replace negative numbers from `x` to `end` by 0, in fours. */
      relu(x, end) {
        for (let i = x >> 2; i < end >> 2; i++) f[i] = Math.max(f[i], 0);
      },

      /** Replace the gradients dy by 0 where y, the answer of a ReLU, is not above 0; `end` is that of y. */
      reluGradient(y, end, dy) {
        for (let i = y >> 2, j = dy >> 2; i < end >> 2; i++, j++) if (!(f[i] > 0)) f[j] = 0;
      },

      /** Write the largest number of every window to y, channel by channel; windows and taps by byte offsets. */
      maxPool(x, windowAt, tapAt, y, places, taps, channels) {
        for (let place = 0, to = y >> 2; place < places; place++, to += channels) {
          const window = x + t[(windowAt >> 2) + place];
          for (let c = 0; c < channels; c++) {
            let largest = f[((window + t[tapAt >> 2]) >> 2) + c];
            for (let tap = 1; tap < taps; tap++) largest = Math.max(largest, f[((window + t[(tapAt >> 2) + tap]) >> 2) + c]);
            f[to + c] = largest;
          }
        }
      },

      /** Add dy to dx at the first pixel of each window that is as large as y. */
      maxPoolGradient(x, windowAt, tapAt, y, dx, dy, places, taps, channels) {
        for (let place = 0, from = 0; place < places; place++, from += channels) {
          const window = t[(windowAt >> 2) + place];
          for (let c = 0; c < channels; c++) {
            for (let tap = 0; tap < taps; tap++) {
              const pixel = ((window + t[(tapAt >> 2) + tap]) >> 2) + c;
              if (f[(x >> 2) + pixel] !== f[(y >> 2) + from + c]) continue;
              f[(dx >> 2) + pixel] += f[(dy >> 2) + from + c];
              break;
            }
          }
        }
      },
    };
  }

  /** Return the same kernels, compiled by WebAssembly, with its vectors of four floats. */
  function compiled(memory) {
    module ??= new WebAssembly.Module(convlab.assemble([PRODUCT, RELU, RELU_GRADIENT, MAX_POOL, MAX_POOL_GRADIENT]));
    return new WebAssembly.Instance(module, { env: { memory } }).exports;
  }

  let module;

  /** Blocks of 4 rows x 8 columns are summed up in registers; what is left over, in blocks of 4 or 1 columns, or 1 row. */
  const PRODUCT = {
    name: "product",
    parameters: "a aRows aSteps b c cRows first rows steps columns",
    locals: {
      i32: "width end j i bAt step stepAt from0 from1 from2 from3 to0 to1 to2 to3",
      v128: "sum00 sum01 sum10 sum11 sum20 sum21 sum30 sum31 b0 b1 value",
      f32: "single0 single1 single2 single3 singleB",
    },
    body(code) {
      const { get, set, add, number, times4, isAtMost, isBelow, whileTrue, doWhile, choose, integer } = code;
      const block = (count, lanes) => {
        const kind = lanes === 1 ? code.one : code.four;
        const parts = lanes === 8 ? [0, 1] : [0];
        const rows = [...Array(count).keys()];
        const each = (use) => rows.map((row) => parts.map((part) => use(row, part)));
        const sum = (row, part) => (lanes === 1 ? `single${row}` : `sum${row}${part}`);
        const line = (part) => (lanes === 1 ? "singleB" : `b${part}`);
        const multiplied = (row) => {
          const value = kind.spread(add(get(`from${row}`), get("step")));
          const [loaded, again] = lanes === 8 ? [[set("value", value), get("value")], get("value")] : [value, null];
          return parts.map((part) => set(
            sum(row, part), get(sum(row, part)), part ? again : loaded, get(line(part)), kind.times, kind.plus,
          ));
        };
        return [
          rows.map((row) => [
            set(`from${row}`, add(get("a"), integer(add(get("aRows"), times4(get("i"))), 4 * row))),
            set(`to${row}`, add(get("c"), get("j"), integer(add(get("cRows"), times4(get("i"))), 4 * row))),
          ]),
          choose(
            get("first"),
            each((row, part) => set(sum(row, part), kind.load(add(get("first"), get("j")), 16 * part))),
            each((row, part) => set(sum(row, part), kind.load(get(`to${row}`), 16 * part))),
          ),
          set("bAt", add(get("b"), get("j"))),
          set("stepAt", get("aSteps")),
          doWhile([
            set("step", integer(get("stepAt"))),
            parts.map((part) => set(line(part), kind.load(get("bAt"), 16 * part))),
            rows.map(multiplied),
            set("bAt", add(get("bAt"), get("width"))),
            set("stepAt", add(get("stepAt"), number(4))),
          ], isBelow(get("stepAt"), get("end"))),
          each((row, part) => kind.store(get(`to${row}`), get(sum(row, part)), 16 * part)),
        ];
      };
      return [
        set("width", times4(get("columns"))),
        set("end", add(get("aSteps"), times4(get("steps")))),
        set("j", number(0)),
        [8, 4, 1].map((lanes) => whileTrue(isAtMost(add(get("j"), number(4 * lanes)), get("width")), [
          set("i", number(0)),
          [4, 1].map((count) => whileTrue(isAtMost(add(get("i"), number(count)), get("rows")), [
            block(count, lanes),
            set("i", add(get("i"), number(count))),
          ])),
          set("j", add(get("j"), number(4 * lanes))),
        ])),
      ];
    },
  };

  const RELU = {
    name: "relu",
    parameters: "x end",
    locals: {},
    body: ({ get, set, add, number, isBelow, whileTrue, four }) => whileTrue(isBelow(get("x"), get("end")), [
      four.store(get("x"), [four.load(get("x")), four.zero, four.max]),
      set("x", add(get("x"), number(16))),
    ]),
  };

  const RELU_GRADIENT = {
    name: "reluGradient",
    parameters: "y end dy",
    locals: {},
    body: ({ get, set, add, number, isBelow, whileTrue, four }) => whileTrue(isBelow(get("y"), get("end")), [
      four.store(get("dy"), [four.load(get("dy")), four.load(get("y")), four.zero, four.above, four.and]),
      set("y", add(get("y"), number(16))),
      set("dy", add(get("dy"), number(16))),
    ]),
  };

  /** Channels in fours: the layer calls JavaScript's kernel for other numbers of channels. */
  const MAX_POOL = {
    name: "maxPool",
    parameters: "x windowAt tapAt y places taps channels",
    locals: { i32: "lastWindow lastTap tap channel pixel width", v128: "largest" },
    body: ({ get, set, add, number, times4, integer, isBelow, whileTrue, doWhile, four }) => [
      set("width", times4(get("channels"))),
      set("lastWindow", add(get("windowAt"), times4(get("places")))),
      set("lastTap", add(get("tapAt"), times4(get("taps")))),
      whileTrue(isBelow(get("windowAt"), get("lastWindow")), [
        set("channel", number(0)),
        doWhile([
          set("pixel", add(get("x"), integer(get("windowAt")), get("channel"))),
          set("largest", four.load(add(get("pixel"), integer(get("tapAt"))))),
          set("tap", add(get("tapAt"), number(4))),
          whileTrue(isBelow(get("tap"), get("lastTap")), [
            set("largest", get("largest"), four.load(add(get("pixel"), integer(get("tap")))), four.max),
            set("tap", add(get("tap"), number(4))),
          ]),
          four.store(get("y"), get("largest")),
          set("y", add(get("y"), number(16))),
          set("channel", add(get("channel"), number(16))),
        ], isBelow(get("channel"), get("width"))),
        set("windowAt", add(get("windowAt"), number(4))),
      ]),
    ],
  };

  const MAX_POOL_GRADIENT = {
    name: "maxPoolGradient",
    parameters: "x windowAt tapAt y dx dy places taps channels",
    locals: { i32: "lastWindow lastTap tap channel offset place width", v128: "waiting found largest gradient" },
    body: ({ get, set, add, number, times4, integer, isBelow, whileTrue, doWhile, four }) => [
      set("width", times4(get("channels"))),
      set("lastWindow", add(get("windowAt"), times4(get("places")))),
      set("lastTap", add(get("tapAt"), times4(get("taps")))),
      whileTrue(isBelow(get("windowAt"), get("lastWindow")), [
        set("channel", number(0)),
        doWhile([
          set("largest", four.load(get("y"))),
          set("gradient", four.load(get("dy"))),
          set("waiting", four.ones),
          set("tap", get("tapAt")),
          whileTrue(isBelow(get("tap"), get("lastTap")), [
            set("offset", add(integer(get("windowAt")), get("channel"), integer(get("tap")))),
            set("found", four.load(add(get("x"), get("offset"))), get("largest"), four.equal, get("waiting"), four.and),
            set("waiting", get("waiting"), get("found"), four.andNot),
            set("place", add(get("dx"), get("offset"))),
            four.store(get("place"), [four.load(get("place")), get("gradient"), get("found"), four.and, four.plus]),
            set("tap", add(get("tap"), number(4))),
          ]),
          set("y", add(get("y"), number(16))),
          set("dy", add(get("dy"), number(16))),
          set("channel", add(get("channel"), number(16))),
        ], isBelow(get("channel"), get("width"))),
        set("windowAt", add(get("windowAt"), number(4))),
      ]),
    ],
  };

  Object.assign(convlab, { Arena, plainKernels: plain });
});
