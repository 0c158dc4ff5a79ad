/** Write what explorers show before anybody turns them: `node stills.js < [{name, options, trained}] > [svg]`. */
"use strict";

/** As much of an element of a page as drawing takes. */
class Drawn {
  constructor(tag) {
    Object.assign(this, { tag, attributes: {}, children: [] });
  }

  setAttribute(name, value) {
    this.attributes[name] = String(value);
  }

  append(...children) {
    this.children.push(...children);
  }

  toString() {
    const within = this.children.map((child) => (child instanceof Drawn ? String(child) : escaped(child))).join("");
    const own = Object.entries(this.attributes).map(([name, value]) => ` ${name}="${escaped(value)}"`).join("");
    return `<${this.tag}${own}>${within}</${this.tag}>`;
  }
}

const escaped = (value) => String(value).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");

globalThis.document = { createElementNS: (_, tag) => new Drawn(tag) };
require("../node.js");
for (const name of ["elements", "pictures", "descent", "unit", "blocks", "trained", "explorers"]) require(`../${name}.js`);

const GAP = 20;
const STYLE = require("fs").readFileSync(`${__dirname}/../explorers.css`, "utf8").replace(/\/\*.*?\*\/\n/gs, "");

/** Return a sentence as lines of text that are at most `most` letters long. */
function wrapped(sentence, most) {
  const lines = [""];
  for (const word of sentence.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length <= most) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Return one picture that holds the sentence, the pictures under it side by side, and its own style. */
function whole(sentence, pictures) {
  const sizes = pictures.map(({ attributes }) => [Number(attributes.width), Number(attributes.height)]);
  const width = Math.max(560, sizes.reduce((sum, [one]) => sum + one + GAP, GAP));
  const lines = wrapped(sentence, Math.floor((width - 2 * GAP) / 8));
  const top = 18 * lines.length + 16;
  const height = top + Math.max(...sizes.map(([, one]) => one)) + 8;
  let left = GAP;
  for (const [i, picture] of pictures.entries()) {
    picture.setAttribute("x", left);
    picture.setAttribute("y", top);
    left += sizes[i][0] + GAP;
  }
  const { svg } = convlab;
  const said = lines.map((line, i) => svg("text", { x: GAP, y: 18 * (i + 1), "font-weight": 600 }, line));
  return svg("svg", {
    xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width, height, class: "cx", role: "img",
  }, svg("title", {}, sentence), svg("style", {}, STYLE),
  svg("rect", { x: 0, y: 0, width, height, class: "cx-sheet" }), ...said, ...pictures);
}

async function main(asked) {
  const pages = [];
  for (const { name, options, trained } of asked) {
    convlab.trained = trained;
    const { sentence, pictures } = await convlab.still(name, options);
    pages.push(`${whole(sentence, pictures)}\n`);
  }
  process.stdout.write(JSON.stringify(pages));
}

main(JSON.parse(require("fs").readFileSync(0, "utf8")));
