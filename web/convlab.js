/**
 * The namespace `convlab`, and how the files of this folder become one program.
 *
 * Classic scripts, because a page that was opened from a file may neither import modules nor start a worker from
 * a file. Each file passes a function to `convlab.part`; its source is stored, so that a page can start a worker
 * from a Blob of the same parts. `require` loads the files in Node in the same way.
 */
"use strict";

globalThis.convlab ??= {
  /** The source of every part, in the order in which they were loaded: {name, source}. */
  parts: [],

  /**
   * Run one part of the program and remember its source.
   * @param {function(object): void} body - a named function that adds its public names to `convlab`
   */
  part(body) {
    this.parts.push({ name: body.name, source: body.toString() });
    body(this);
  },

  /**
   * Return the text of a script that defines `convlab` with the named parts.
   * @param {string[]} names
   * @returns {string}
   */
  script(names) {
    const missing = names.filter((name) => !this.parts.some((part) => part.name === name));
    if (missing.length) throw new Error(`not loaded: ${missing.join(", ")}`);
    const own = `globalThis.convlab = { parts: [], part: ${function part(body) {
      this.parts.push({ name: body.name, source: body.toString() });
      body(this);
    }} };`;
    const chosen = this.parts.filter((part) => names.includes(part.name));
    return ['"use strict";', own, ...chosen.map((part) => `convlab.part(${part.source});`)].join("\n");
  },
};
