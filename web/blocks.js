/**
 * Explorer of lesson 07: how large the blocks of a convolution should be. The times are recorded, see tests/block_sizes.py.
 */
convlab.part(function blocks(convlab) {
  "use strict";
  const { drawing, label, range, say, svg } = convlab;

  const CURVE = { left: 40, width: 350, height: 200 };
  const TALL = 200; // pixels of the whole matrix of rows
  const BYTES = 4; // of a float32

  /**
   * `options`: {lines: sizes of a block in lines of places, times: each beside the fastest, places: in a line and lines in an
   * image, values: in a row, cache: MB, machine}.
   */
  const blockSize = {
    slidersFor: ({ lines }) => ({ block: [lines.length - 1, 0, lines.length - 1] }),
    shown: { block: (value, known) => blockName(known.lines[value], known.places) },
    sentence({ block }, known) {
      const { lines, places, values, times } = known;
      return say("blocks_sentence", {
        block: blockName(lines[block], places), rows: convlab.grouped(lines[block] * places), values,
        memory: megabytes(lines[block], known).toPrecision(2), products: lines.at(-1) / lines[block], time: times[block].toFixed(2),
      });
    },
    picture: ({ block }, known) => [timeCurve(block, known), rowMatrix(known.lines[block], known)],
  };

  const blockName = (lines, places) => (
    lines < places ? say("blocks_lines", { lines }) : say("blocks_images", { images: lines / places }));
  const megabytes = (lines, { places, values }) => (lines * places * values * BYTES) / 1e6;

  /** Return the recorded times over the memory of a block, both as they are beside the fastest. */
  function timeCurve(block, known) {
    const { lines, times, cache, machine } = known;
    const { left, width, height } = CURVE;
    const most = Math.max(1.4, ...times);
    const sizes = lines.map((one) => megabytes(one, known));
    const [low, high] = [Math.log(sizes[0]), Math.log(sizes.at(-1))];
    const across = (size) => left + 8 + ((Math.log(size) - low) / (high - low)) * (width - 16);
    const up = (time) => 16 + ((most - time) / (most - 1)) * (height - 24);
    const points = sizes.map((size, i) => [across(size), up(times[i])].map((value) => value.toFixed(1)));
    const rules = [1, 1.1, 1.2, 1.3, 1.4].flatMap((time) => [
      svg("line", { x1: left, x2: left + width, y1: up(time), y2: up(time), class: "cx-rule" }),
      label(left - 6, up(time) + 4, time.toFixed(1), "end"),
    ]);
    return drawing(left + width + 10, height + 46, ...rules,
      svg("line", { x1: across(cache), x2: across(cache), y1: 0, y2: height, class: "cx-error" }),
      label(across(cache) + 5, 11, say("blocks_cache", { cache })),
      svg("polyline", { points: points.map((point) => point.join(",")).join(" "), class: "cx-fit" }),
      svg("circle", { cx: points[block][0], cy: points[block][1], r: 6, class: "cx-marker" }),
      label(left, height + 18, say("blocks_axes")),
      svg("text", { x: left, y: height + 36, class: "cx-small" }, machine));
  }

  /** Return the matrix of all rows, cut into blocks; one of them is in memory at a time. */
  function rowMatrix(lines, known) {
    const count = known.lines.at(-1) / lines;
    const tall = TALL / count;
    const cuts = tall < 3 ? "" : range(count).map((i) => `M0 ${(i * tall).toFixed(1)}h90`).join("");
    return drawing(150, TALL + 46,
      svg("rect", { x: 0, y: 0, width: 90, height: TALL, class: "cx-padding" }),
      svg("rect", { x: 0, y: 0, width: 90, height: Math.max(tall, 1), class: "cx-seen" }),
      svg("path", { d: cuts, class: "cx-rule" }),
      label(0, TALL + 18, say("blocks_matrix", { memory: megabytes(known.lines.at(-1), known).toFixed(1) })));
  }

  Object.assign(convlab, { EXPLORERS: { ...convlab.EXPLORERS, blocks: blockSize } });
});
