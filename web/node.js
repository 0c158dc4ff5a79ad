/** Load the engine in Node, for the tests: `const convlab = require("./node.js")`. */
"use strict";
for (const name of require("./scripts.json").engine) require(`./${name}.js`);
module.exports = globalThis.convlab;
