/**
 * Explorer of lessons 06 and 10: one unit of a network, and the pixels of the image that it sees.
 */
convlab.part(function unit(convlab) {
  "use strict";
  const { digit, drawing, fromBase64, range, say, svg } = convlab;

  const MARGIN = 18; // pixels shown around the image: how far a window may reach into the padding
  const ZOOM = 5;

  /**
   * `options`: {side, layers, pixels}: the image's side, [name, kernel, stride] of each layer with padding "same",
   * and the image in base64.
   */
  const seenByUnit = {
    slidersFor({ layers, start = layers.length - 1, side }) {
      const middle = Math.floor(sizes(layers, side)[start + 1] / 2);
      return { layer: [start, 0, layers.length - 1], row: [middle, 0, side - 1], column: [middle, 0, side - 1] };
    },
    limits({ layer }, { layers, side }) {
      const last = sizes(layers, side)[layer + 1] - 1;
      return { row: [0, last], column: [0, last] };
    },
    shown: { layer: (value, { layers }) => layers[value][0] },
    sentence({ layer, row, column }, { layers, side }) {
      const [rows, columns] = [row, column].map((place) => windowOf(layers, side, layer, place));
      const within = [rows, columns].map(([first, last]) => Math.min(last, side - 1) - Math.max(first, 0) + 1);
      const [tall, wide] = [rows, columns].map(([first, last]) => last - first + 1);
      const inside = within[0] * within[1];
      return say("unit_sentence", { layer: layers[layer][0], row, column, tall, wide, inside, outside: tall * wide - inside });
    },
    picture({ layer, row, column }, { layers, side, pixels }) {
      const [rows, columns] = [row, column].map((place) => windowOf(layers, side, layer, place));
      return [unitMap(sizes(layers, side)[layer + 1], row, column), windowPicture(fromBase64(pixels), side, rows, columns)];
    },
    /** A press on the map chooses the unit there. */
    choose(left, top, { layer }, { layers, side }) {
      const size = sizes(layers, side)[layer + 1];
      const [row, column] = [top, left].map((place) => Math.floor((place / 196) * size));
      return row < size && column < size ? { row, column } : null;
    },
  };

  /** Return the side of the image and of each layer's maps. */
  function sizes(layers, side) {
    const found = [side];
    for (const [, kernel, stride] of layers) found.push(convlab.outputSize(found.at(-1), kernel, stride, "same"));
    return found;
  }

  /** Return the first and the last pixel along one axis that a place of a layer sees; outside the image is padding. */
  function windowOf(layers, side, layer, place) {
    const inputs = sizes(layers, side);
    let [first, last] = [place, place];
    for (let i = layer; i >= 0; i--) {
      const [, kernel, stride] = layers[i];
      const [before] = convlab.sides(inputs[i], kernel, stride, "same");
      [first, last] = [first * stride - before, last * stride - before + kernel - 1];
    }
    return [first, last];
  }

  function unitMap(size, row, column) {
    const cell = 196 / size;
    const lines = range(size + 1).map((i) => `M${(i * cell).toFixed(1)} 0v196M0 ${(i * cell).toFixed(1)}h196`).join("");
    return drawing(198, 198, svg("rect", { x: 0, y: 0, width: 196, height: 196, class: "cx-sheet" }),
      svg("path", { d: lines, class: "cx-rule" }),
      svg("rect", { x: column * cell, y: row * cell, width: cell, height: cell, class: "cx-seen" }));
  }

  function windowPicture(pixels, side, rows, columns) {
    const whole = (side + 2 * MARGIN) * ZOOM;
    return drawing(whole, whole,
      svg("rect", { x: 0, y: 0, width: whole, height: whole, class: "cx-padding" }),
      digit(pixels, ZOOM, MARGIN * ZOOM, MARGIN * ZOOM),
      svg("rect", {
        x: (columns[0] + MARGIN) * ZOOM, y: (rows[0] + MARGIN) * ZOOM,
        width: (columns[1] - columns[0] + 1) * ZOOM, height: (rows[1] - rows[0] + 1) * ZOOM, class: "cx-first",
      }));
  }

  Object.assign(convlab, { EXPLORERS: { ...convlab.EXPLORERS, unit: seenByUnit } });
});
