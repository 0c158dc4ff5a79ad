/** Write what explorers show before anybody turns them, as HTML: `node stills.js < [{name, options, trained}] > [html]`. */
"use strict";

/** As much of an element of a page as drawing takes. */
class Drawn {
  constructor(tag) {
    Object.assign(this, { tag, attributes: "", children: [] });
  }

  setAttribute(name, value) {
    this.attributes += ` ${name}="${escaped(value)}"`;
  }

  append(...children) {
    this.children.push(...children);
  }

  toString() {
    const within = this.children.map((child) => (child instanceof Drawn ? String(child) : escaped(child))).join("");
    return `<${this.tag}${this.attributes}>${within}</${this.tag}>`;
  }
}

const escaped = (value) => String(value).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");

globalThis.document = { createElementNS: (_, tag) => new Drawn(tag) };
require("../node.js");
for (const name of ["elements", "pictures", "descent", "unit", "trained", "explorers"]) require(`../${name}.js`);

async function main(asked) {
  const pages = [];
  for (const { name, options, trained } of asked) {
    convlab.trained = trained;
    const { sentence, pictures } = await convlab.still(name, options);
    const box = `<div class="cx-box">${pictures.join("")}</div>`;
    pages.push(`<div class="cx"><p class="cx-sentence">${escaped(sentence)}</p>${box}</div>\n`);
  }
  process.stdout.write(JSON.stringify(pages));
}

main(JSON.parse(require("fs").readFileSync(0, "utf8")));
