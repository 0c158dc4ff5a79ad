/**
 * Explorers of lesson 01: the loss of a line as a surface, and gradient descent on it with a learning rate to choose.
 */
convlab.part(function descent(convlab) {
  "use strict";
  const { cellPaths, drawing, label, range, say, svg } = convlab;

  const POINTS = { x: [-2, -1, 0, 1, 2, 3, 4], y: [-3, -1, 1, 3, 5, 7, 9] };
  const MAP = { side: 270, cells: 45 };
  const MOST_STEPS = 30;

  // ------------------------------------------------------------------ loss surface

  /** A line through points, and where it stands on the surface of the mean squared error. */
  const surface = {
    sliders: { slope: [0, -1, 5, 0.1], intercept: [0, -3, 5, 0.1], rate: [0.1, 0.01, 0.2, 0.01] },
    options: POINTS,
    sentence({ slope, intercept }, { x, y }) {
      const { loss, gradient } = squaredError(slope, intercept, x, y);
      return say("surface_sentence", {
        slope: slope.toFixed(1), intercept: intercept.toFixed(1), loss: loss.toFixed(2),
        gradient: gradient.map((value) => value.toFixed(1)).join(", "),
      });
    },
    picture: ({ slope, intercept }, { x, y }) => [
      lossMap(x, y, svg("circle", { ...at(slope, intercept), r: 6, class: "cx-marker" })),
      fitPicture(slope, intercept, x, y),
    ],
    /** One step of gradient descent, as far as the sliders reach. */
    act: {
      name: "surface_step",
      change({ slope, intercept, rate }, { x, y }) {
        const { gradient } = squaredError(slope, intercept, x, y);
        return { slope: slope - rate * gradient[0], intercept: intercept - rate * gradient[1], rate };
      },
    },
    /** A press on the map chooses the line that stands there. */
    choose(left, top) {
      const { side } = MAP;
      return left > side || top > side ? null : { slope: -1 + (6 * left) / side, intercept: 5 - (8 * top) / side };
    },
  };

  function squaredError(slope, intercept, x, y) {
    const errors = x.map((value, i) => slope * value + intercept - y[i]);
    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    return {
      loss: mean(errors.map((error) => error ** 2)),
      gradient: [2 * mean(errors.map((error, i) => error * x[i])), 2 * mean(errors)],
    };
  }

  /** Return where a line stands on the map: {cx, cy}. */
  const at = (slope, intercept) => ({ cx: ((slope + 1) / 6) * MAP.side, cy: ((5 - intercept) / 8) * MAP.side });

  /** Return the map of the loss with what lies on it. */
  function lossMap(x, y, ...children) {
    const { side, cells } = MAP;
    const bands = range(cells).map((row) => range(cells).map((column) => {
      const { loss } = squaredError(-1 + (6 * (column + 0.5)) / cells, 5 - (8 * (row + 0.5)) / cells, x, y);
      return Math.min(11, Math.floor(2 * Math.log2(1 + loss))); // contours: each band has 1.4 times the loss
    }));
    return drawing(side + 40, side + 20, // room for the caption
      svg("g", { transform: `scale(${side / cells})` }, ...cellPaths(bands, (band) => `hsl(210 60% ${92 - 6 * band}%)`)),
      ...children, label(4, side + 15, say("surface_axes")));
  }

  function fitPicture(slope, intercept, x, y) {
    const { side } = MAP;
    const [low, high] = [Math.min(...y) - 2, Math.max(...y) + 2];
    const across = (value) => ((value - Math.min(...x) + 0.5) / (Math.max(...x) - Math.min(...x) + 1)) * 260;
    const up = (value) => side - ((value - low) / (high - low)) * side;
    const within = (value) => Math.min(Math.max(value, low), high);
    const errors = x.map((value, i) => svg("line", {
      x1: across(value), x2: across(value), y1: up(y[i]), y2: up(within(slope * value + intercept)), class: "cx-error",
    }));
    const ends = [Math.min(...x) - 0.5, Math.max(...x) + 0.5].map((value) => [across(value), up(slope * value + intercept)]);
    return drawing(262, side + 2,
      svg("rect", { x: 0, y: 0, width: 260, height: side, class: "cx-frame" }), ...errors,
      svg("line", { x1: ends[0][0], y1: ends[0][1], x2: ends[1][0], y2: ends[1][1], class: "cx-fit" }),
      ...x.map((value, i) => svg("circle", { cx: across(value), cy: up(y[i]), r: 4, class: "cx-dot" })));
  }

  // ------------------------------------------------------------------ learning rate

  /** Gradient descent from y = 0 with a learning rate and a number of steps to choose. */
  const rate = {
    sliders: { rate: [0.1, 0.01, 0.21, 0.005], steps: [3, 0, MOST_STEPS] },
    options: POINTS,
    sentence({ rate: learningRate, steps }, { x, y }) {
      const losses = descend(learningRate, x, y).map((place) => place.loss);
      const last = losses[steps];
      const went = !steps ? "rate_start" : last < losses[steps - 1] ? "rate_fell" : "rate_rose";
      return say("rate_sentence", { rate: learningRate.toFixed(3), steps, loss: scientific(last), went: { key: went, values: {} } });
    },
    picture({ rate: learningRate, steps }, { x, y }) {
      const places = descend(learningRate, x, y);
      const path = places.slice(0, steps + 1).map(({ slope, intercept }) => at(slope, intercept));
      return [
        lossMap(x, y, svg("polyline", { points: path.map(({ cx, cy }) => `${round(cx)},${round(cy)}`).join(" "), class: "cx-path" }),
          ...path.slice(0, -1).map(({ cx, cy }) => svg("circle", { cx: round(cx), cy: round(cy), r: 3, class: "cx-visited" })),
          svg("circle", { cx: round(path.at(-1).cx), cy: round(path.at(-1).cy), r: 6, class: "cx-marker" })),
        lossCurve(places.map((place) => place.loss), steps),
      ];
    },
  };

  /** Return the places that gradient descent visits from y = 0, with the loss of each. */
  function descend(learningRate, x, y) {
    const places = [{ slope: 0, intercept: 0 }];
    for (let step = 0; step <= MOST_STEPS; step++) {
      const { slope, intercept } = places[step];
      const { loss, gradient } = squaredError(slope, intercept, x, y);
      places[step].loss = loss;
      places.push({ slope: slope - learningRate * gradient[0], intercept: intercept - learningRate * gradient[1] });
    }
    return places.slice(0, -1);
  }

  function lossCurve(losses, steps) {
    const { side } = MAP;
    const [low, high] = [-6, 4]; // powers of ten
    const across = (step) => 44 + (step / MOST_STEPS) * 206;
    const up = (loss) => side - 20 - ((Math.min(Math.max(Math.log10(loss), low), high) - low) / (high - low)) * (side - 40);
    const points = losses.map((loss, step) => `${round(across(step))},${round(up(loss))}`);
    const lines = [4, 2, 0, -2, -4, -6].flatMap((power) => [
      svg("line", { x1: 44, x2: 256, y1: up(10 ** power), y2: up(10 ** power), class: "cx-rule" }),
      label(40, up(10 ** power) + 4, 10 ** power >= 0.01 ? 10 ** power : `1e${power}`, "end"),
    ]);
    return drawing(300, side + 20, ...lines,
      svg("polyline", { points: points.join(" "), class: "cx-ahead" }),
      svg("polyline", { points: points.slice(0, steps + 1).join(" "), class: "cx-fit" }),
      svg("circle", { cx: round(across(steps)), cy: round(up(losses[steps])), r: 5, class: "cx-marker" }),
      label(44, side + 15, say("rate_axes")));
  }

  const round = (value) => Math.round(10 * Math.min(Math.max(value, -9999), 9999)) / 10;
  /** Return 25, 0.198 or 5.2e-6: three digits. */
  const scientific = (value) => convlab.general(value, 3);

  Object.assign(convlab, { EXPLORERS: { ...convlab.EXPLORERS, surface, rate } });
});
