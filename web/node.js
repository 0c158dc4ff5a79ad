/** Load the engine in Node, for the tests: `const convlab = require("./node.js")`. */
"use strict";
require("./convlab.js");
for (const name of [
  "language", "strings/en", "shapes", "random", "wasm", "kernels", "layers", "optimizers", "network",
  "digits", "colours", "npz", "trainer",
]) {
  require(`./${name}.js`);
}
module.exports = globalThis.convlab;
