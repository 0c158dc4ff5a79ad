/**
 * Drawing for explorers: SVG elements, cells of a grid, digits, bars of shares.
 */
convlab.part(function pictures(convlab) {
  "use strict";
  const { percent, range } = convlab;

  const CELL = 22; // pixels of a cell's side
  const NAMESPACE = "http://www.w3.org/2000/svg";

  /** Return an SVG element: `svg("rect", { x: 1 }, child)`. */
  function svg(tag, attributes = {}, ...children) {
    const made = document.createElementNS(NAMESPACE, tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  const drawing = (width, height, ...children) => svg("svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, class: "cx-picture", "aria-hidden": "true",
  }, ...children);
  const cell = (row, column, kind, size = CELL) => svg("rect", {
    x: column * size, y: row * size, width: size, height: size, class: `cx-${kind}`,
  });
  const outline = (row, column, height, width, kind) => svg("rect", {
    x: column * CELL, y: row * CELL, width: width * CELL, height: height * CELL, class: `cx-${kind}`,
  });
  const label = (x, y, text, anchor = "start") => svg("text", { x, y, "text-anchor": anchor }, String(text));

  /**
   * Return a digit as SVG: one path for each grey, so that it is short as text.
   * @param {ArrayLike<number>} pixels - side·side numbers from 0 to 255
   * @param {number} zoom - of one pixel
   */
  function digit(pixels, zoom, left = 0, top = 0) {
    const side = Math.sqrt(pixels.length);
    const greys = range(side).map((row) => range(side).map((column) => (
      17 * Math.round(pixels[row * side + column] / 17)))); // sixteen greys are enough for the eye
    return svg("g", { transform: `translate(${left} ${top}) scale(${zoom})` },
      ...cellPaths(greys, (grey) => `rgb(${grey},${grey},${grey})`));
  }

  /** Return a path for each value of a grid of cells of side 1, in the colour of the value. */
  function cellPaths(lines, colour) {
    const paths = new Map();
    for (const [row, line] of lines.entries()) {
      for (let start = 0, end = 1; start < line.length; start = end++) {
        while (end < line.length && line[end] === line[start]) end++; // equal neighbours are one rectangle
        paths.set(line[start], `${paths.get(line[start]) ?? ""}M${start} ${row}h${end - start}v1h${start - end}z`);
      }
    }
    return [...paths].map(([value, d]) => svg("path", { d, fill: colour(value), "shape-rendering": "crispEdges" }));
  }

  /**
   * Return bars of the shares that networks give to the ten digits, one colour for each network.
   * @param {Array<{title: string, shares: number[]}>} networks
   */
  function shareBars(networks) {
    const thick = networks.length > 1 ? 9 : 14;
    const line = networks.length * thick + 6;
    const top = 20 * networks.length;
    const bars = networks.flatMap(({ title, shares }, n) => [
      svg("rect", { x: 20, y: 20 * n + 3, width: 12, height: 10, class: `cx-bar-${n}` }),
      label(38, 20 * n + 13, title),
      ...range(10).flatMap((k) => {
        const y = top + k * line + n * thick;
        const width = Math.max(1, 150 * shares[k]);
        return [svg("rect", { x: 20, y, width, height: thick - 1, class: `cx-bar-${n}` }),
          shares[k] < 0.005 ? null : svg("text", { x: 24 + width, y: y + thick - 1, class: "cx-small" }, percent(shares[k], 0))];
      }),
    ]);
    const names = range(10).map((k) => label(4, top + k * line + (networks.length * thick) / 2 + 4, k));
    return drawing(250, top + 10 * line, ...names, ...bars);
  }

  Object.assign(convlab, { CELL, svg, drawing, cell, outline, label, digit, cellPaths, shareBars });
});
