/**
 * An assembler for WebAssembly, as small as the kernels need it: instructions are nested lists of bytes.
 *
 * Opcodes: WebAssembly Core Specification 2.0, chapter 5. Bytes instead of a compiled file, so that what runs in the
 * page can be read here, and no tool stands between the two.
 */
convlab.part(function wasm(convlab) {
  "use strict";

  const TYPES = { i32: 0x7f, f32: 0x7d, v128: 0x7b };
  const EMPTY = 0x40; // the type of a block that leaves nothing behind

  /** Return a whole number of at least 0 as LEB128 writes it. */
  const unsigned = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)]);
  const vector = (items) => [...unsigned(items.length), ...items.flat(Infinity)];
  const section = (id, bytes) => [id, ...vector(bytes.flat(Infinity))];
  const text = (string) => vector([...string].map((letter) => letter.charCodeAt(0)));

  /** Instructions on numbers that stand on the stack, or in `address`, which is a list of instructions itself. */
  const code = {
    number: (n) => [0x41, ...unsigned(n)], // of 0 to 63: above, the sign bit would be set
    add: (...terms) => [terms[0], terms.slice(1).map((term) => [term, 0x6a])].flat(Infinity),
    times4: (value) => [value, code.number(2), 0x74],
    isAtMost: (left, right) => [left, right, 0x4d], // unsigned, as all here
    isBelow: (left, right) => [left, right, 0x49],
    choose: (condition, then, otherwise) => [condition, 0x04, EMPTY, then, 0x05, otherwise, 0x0b],
    whileTrue: (condition, body) => [0x02, EMPTY, 0x03, EMPTY, condition, 0x45, 0x0d, 1, body, 0x0c, 0, 0x0b, 0x0b],
    doWhile: (body, condition) => [0x03, EMPTY, body, condition, 0x0d, 0, 0x0b],
    integer: (address, offset = 0) => [address, 0x28, 2, ...unsigned(offset)],
    /** Four floats at once. */
    four: {
      load: (address, offset = 0) => [address, 0xfd, 0, 2, ...unsigned(offset)],
      spread: (address) => [address, 0xfd, 9, 2, 0], // one float, four times
      store: (address, value, offset = 0) => [address, value, 0xfd, 11, 2, ...unsigned(offset)],
      zero: [0x43, 0, 0, 0, 0, 0xfd, 19],
      ones: [0x41, 0x7f, 0xfd, 17], // all bits set
      times: [0xfd, 0xe6, 1], plus: [0xfd, 0xe4, 1], max: [0xfd, 0xe9, 1],
      equal: [0xfd, 0x41], above: [0xfd, 0x44], and: [0xfd, 0x4e], andNot: [0xfd, 0x4f],
    },
    /** One float. */
    one: {
      load: (address, offset = 0) => [address, 0x2a, 2, ...unsigned(offset)],
      spread: (address) => [address, 0x2a, 2, 0],
      store: (address, value, offset = 0) => [address, value, 0x38, 2, ...unsigned(offset)],
      times: 0x94, plus: 0x92,
    },
  };

  /**
   * Return the bytes of a module that imports env.memory and exports functions without a result.
   * @param {{name: string, parameters: string, locals: object, body: function(object): Array}[]} functions - parameters
   *   are whole numbers, named with blanks between; locals: {i32, v128, f32} in the same form; `body(code)` returns
   *   instructions, for which `code` also has `get(name)` and `set(name, ...value)`
   * @returns {Uint8Array}
   */
  function assemble(functions) {
    const words = (names = "") => names.split(" ").filter(Boolean);
    const bodies = functions.map(({ parameters, locals, body }) => {
      const kinds = Object.entries(locals).map(([type, names]) => [type, words(names)]);
      const order = [...words(parameters), ...kinds.flatMap(([, names]) => names)];
      const place = (name) => {
        if (!order.includes(name)) throw new Error(`no local is called ${name}`);
        return unsigned(order.indexOf(name));
      };
      const get = (name) => [0x20, ...place(name)];
      const set = (name, ...value) => [value, 0x21, ...place(name)].flat(Infinity);
      const instructions = [body({ ...code, get, set }), 0x0b].flat(Infinity);
      const whole = [vector(kinds.map(([type, names]) => [...unsigned(names.length), TYPES[type]])), instructions];
      return vector(whole.flat(Infinity));
    });
    const types = functions.map(({ parameters }) => [0x60, vector(words(parameters).map(() => TYPES.i32)), 0]);
    return new Uint8Array([
      0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // "\0asm", version 1
      section(1, vector(types)),
      section(2, [1, text("env"), text("memory"), 2, 0, 0]),
      section(3, vector(functions.map((_, i) => unsigned(i)))),
      section(7, vector(functions.map(({ name }, i) => [text(name), 0, unsigned(i)]))),
      section(10, vector(bodies)),
    ].flat(Infinity));
  }

  Object.assign(convlab, { assemble });
});
