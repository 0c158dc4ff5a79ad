/**
 * Explorers: sliders over a picture, with a sentence that says what the picture shows, in the book and in notebooks.
 *
 * Each explorer is {sliders, sentence, picture}: `sliders` names its values, [start, least, most, step]; `sentence(values, options)`
 * returns the sentence and `picture(values, options)` the picture, an SVG element. `convlab.mount` makes it live.
 */
convlab.part(function explorers(convlab) {
  "use strict";
  const { element, general, range, say, Refusal, CELL, svg, drawing, cell, outline, label } = convlab;

  // ------------------------------------------------------------------ output sizes (lesson 06)

  /** Where a square filter stops, and which pixels it never reads: convlab.notebook.widgets.output_size_explorer. */
  const sizes = {
    sliders: { input: [6, 1, 16], kernel: [3, 1, 11], stride: [2, 1, 8], padding: [0, 0, 5] },
    sentence({ input, kernel, stride, padding }) {
      try {
        const places = convlab.outputSize(input, kernel, stride, padding);
        const pixels = input ** 2;
        const read = input - neverRead(input, kernel, stride, padding).length;
        return say("sizes_sentence", { input, kernel, stride, padding, places, unread: pixels - read ** 2, pixels });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return convlab.message(error);
      }
    },
    picture({ input, kernel, stride, padding }) {
      const places = Math.floor((input + 2 * padding - kernel) / stride) + 1; // 0 or less where it does not fit
      return sizesPicture({ input, kernel, padding, starts: range(Math.max(places, 0)).map((place) => place * stride) });
    },
  };

  /** Return the pixels along one axis that no place of a kernel reads. */
  function neverRead(input, kernel, stride, padding) {
    const places = convlab.outputSize(input, kernel, stride, padding);
    const read = new Set(range(places).flatMap((place) => range(kernel).map((k) => place * stride - padding + k)));
    return range(input).filter((pixel) => !read.has(pixel));
  }

  function sizesPicture({ input, kernel, padding, starts }) {
    const size = input + 2 * padding;
    const side = Math.max(size, kernel);
    const isRead = new Set(starts.flatMap((start) => range(kernel).map((k) => start + k)));
    const cells = range(size * size).map((i) => {
      const [row, column] = [Math.floor(i / size), i % size];
      const isImage = [row, column].every((at) => at >= padding && at < padding + input);
      const isMissed = isImage && !(isRead.has(row) && isRead.has(column));
      return [cell(row, column, isImage ? (isMissed ? "missed" : "pixel") : "padding"),
        isMissed ? label((column + 0.5) * CELL, (row + 0.75) * CELL, "×", "middle") : null];
    });
    const last = starts.at(-1);
    const dots = starts.flatMap((top) => starts.map((left) => svg("circle", {
      cx: (left + kernel / 2) * CELL, cy: (top + kernel / 2) * CELL, r: 3, class: "cx-dot",
    })));
    return drawing(side * CELL + 2, side * CELL + 2, ...cells.flat(),
      outline(0, 0, kernel, kernel, starts.length ? "first" : "outside"),
      last ? outline(last, last, kernel, kernel, "last") : null, ...dots);
  }

  // ------------------------------------------------------------------ a filter that slides (lesson 05)

  /** A kernel at one place of an image: its window, the products under it and the map so far. */
  const slide = {
    /** The sliders depend on the sizes of `options.image` and `options.kernel`; they start where the sum is furthest from 0. */
    slidersFor({ image, kernel }) {
      const sums = slideSums(image, kernel);
      const most = Math.max(...sums.flat().map(Math.abs));
      const row = sums.findIndex((line) => line.some((sum) => Math.abs(sum) === most));
      const column = sums[row].findIndex((sum) => Math.abs(sum) === most);
      return { row: [row, 0, sums.length - 1], column: [column, 0, sums[0].length - 1] };
    },
    sentence({ row, column }, { image, kernel }) {
      const sum = general(slideSums(image, kernel)[row][column], 6);
      return say("slide_sentence", { row, column, products: kernel.length * kernel[0].length, sum });
    },
    picture: ({ row, column }, { image, kernel }) => slidePicture(image, kernel, slideSums(image, kernel), row, column),
  };

  function slideSums(image, kernel) {
    const [rows, columns] = [image.length - kernel.length + 1, image[0].length - kernel[0].length + 1];
    return range(rows).map((row) => range(columns).map((column) => (
      kernel.reduce((sum, line, y) => sum + line.reduce((own, weight, x) => own + weight * image[row + y][column + x], 0), 0))));
  }

  function slidePicture(image, kernel, sums, row, column) {
    const [height, width] = [kernel.length, kernel[0].length];
    const pixel = Math.min(8, Math.floor(220 / Math.max(image.length, image[0].length)));
    const high = Math.max(1e-9, ...image.flat());
    const most = Math.max(1e-9, ...sums.flat().map(Math.abs));
    const grey = (value) => `rgb(${Array(3).fill(Math.round((255 * value) / high)).join(",")})`;
    const picture = (values, colour, left) => values.flatMap((line, y) => line.map((value, x) => svg("rect", {
      x: left + x * pixel, y: y * pixel, width: pixel, height: pixel, fill: colour(value, y, x),
    })));
    const mark = (left, y, x, tall, wide) => svg("rect", {
      x: left + x * pixel, y: y * pixel, width: wide * pixel, height: tall * pixel, class: "cx-window",
    });
    const big = 46;
    const middle = image[0].length * pixel + 14;
    const right = middle + width * big + 14;
    const products = range(height * width).flatMap((i) => {
      const [y, x] = [Math.floor(i / width), i % width];
      const value = image[row + y][column + x] * kernel[y][x];
      return [
        svg("rect", { x: middle + x * big, y: y * big, width: big, height: big, class: "cx-pixel" }),
        label(middle + (x + 0.5) * big, (y + 0.42) * big, general(value, 3), "middle"),
        svg("text", { x: middle + (x + 0.5) * big, y: (y + 0.8) * big, "text-anchor": "middle", class: "cx-small" },
          `${general(image[row + y][column + x], 2)}·${general(kernel[y][x], 2)}`),
      ];
    });
    const done = (value, y, x) => (y * sums[0].length + x <= row * sums[0].length + column ? signed(value / most) : "none");
    const total = Math.max(image.length * pixel, height * big);
    return drawing(right + sums[0].length * pixel + 2, total + 2,
      ...picture(image, grey, 0), mark(0, row, column, height, width), ...products,
      ...picture(sums, done, right), mark(right, row, column, 1, 1),
      svg("rect", { x: right, y: 0, width: sums[0].length * pixel, height: sums.length * pixel, class: "cx-frame" }));
  }

  /** Return blue for -1, white for 0 and orange for 1. */
  function signed(share) {
    const [red, green, blue] = share >= 0
      ? [255, 255 - 115 * share, 255 - 255 * share] : [255 + 244 * share, 255 + 172 * share, 255 + 107 * share];
    return `rgb(${[red, green, blue].map(Math.round).join(",")})`;
  }

  // ------------------------------------------------------------------ receptive field (lesson 06)

  /** Which pixels one output sees through three layers, along one axis. */
  const field = {
    sliders: {
      kernel_1: [3, 1, 5], stride_1: [1, 1, 3], kernel_2: [3, 1, 5], stride_2: [1, 1, 3], kernel_3: [3, 1, 5],
    },
    sentence(values) {
      const layers = fieldLayers(values);
      const [one, two, three] = [1, 2, 3].map((depth) => convlab.receptiveField(layers.slice(0, depth)));
      return say("field_sentence", { one, two, three });
    },
    picture: (values) => fieldPicture(fieldLayers(values)),
  };
  /** Return [kernel, stride] of each layer; the stride of the last one does not change what one output sees. */
  const fieldLayers = (values) => [1, 2, 3].map((n) => [values[`kernel_${n}`], values[`stride_${n}`] ?? 1]);

  function fieldPicture(layers) {
    const seen = [[0, 1]]; // first pixel and number of pixels, from the output down to the input
    for (const [kernel, stride] of [...layers].reverse()) {
      const [first, count] = seen[0];
      seen.unshift([first * stride, (count - 1) * stride + kernel]);
    }
    const margin = 3;
    const widest = seen[0][1] + 2 * margin;
    const size = Math.min(CELL, 640 / widest);
    const gap = 34;
    const height = seen.length * (size + gap);
    const lines = [];
    const rows = seen.map(([, count], level) => {
      const y = height - (level + 1) * (size + gap) + gap / 2;
      const left = (640 - (count + 2 * margin) * size) / 2;
      return { y, left: left + margin * size, count };
    });
    for (const [level, { y, left, count }] of rows.entries()) {
      for (let i = -margin; i < count + margin; i++) {
        lines.push(svg("rect", {
          x: left + i * size, y, width: size, height: size, class: i >= 0 && i < count ? "cx-seen" : "cx-pixel",
        }));
      }
      lines.push(label(2, y + size * 0.75, level ? say("field_output", { n: level }) : say("field_input")));
      if (!level) continue;
      const below = rows[level - 1];
      const [kernel, stride] = layers[level - 1];
      for (let i = 0; i < count; i++) {
        for (const edge of [0, kernel]) {
          lines.push(svg("line", {
            x1: left + (i + 0.5) * size, y1: y + size, x2: below.left + (i * stride + edge) * size, y2: below.y, class: "cx-line",
          }));
        }
      }
    }
    return drawing(640, height, ...lines);
  }

  // ------------------------------------------------------------------ padding conventions (lesson 06)

  /** The same layer with "valid", TensorFlow's "same" and a number of pixels on each side, along one axis. */
  const padding = {
    sliders: { input: [6, 1, 16], kernel: [3, 1, 7], stride: [2, 1, 4], padding: [1, 0, 4] },
    sentence(values) {
      const sentences = conventions(values).map((row) => say("padding_sentence", row));
      return sentences.join("; ");
    },
    picture: (values) => paddingPicture(conventions(values), values),
  };

  /** Return {title, before, after, places} for each convention; 0 places where the filter does not fit. */
  function conventions({ input, kernel, stride, padding: own }) {
    const named = [["valid", "valid"], ["same", "same"], [own, say("padding_number", { padding: own })]];
    return named.map(([rule, title]) => {
      const [before, after] = convlab.sides(input, kernel, stride, rule);
      const places = Math.max(Math.floor((before + input + after - kernel) / stride) + 1, 0);
      return { title, before, after, places };
    });
  }

  function paddingPicture(rows, { input, kernel, stride }) {
    const most = Math.max(...rows.map((row) => row.before));
    const children = [];
    let y = 0;
    for (const { title, before, after, places } of rows) {
      const left = (most - before) * CELL;
      children.push(label(0, y + 15, title));
      y += 22;
      for (let i = 0; i < before + input + after; i++) {
        const isImage = i >= before && i < before + input;
        children.push(svg("rect", { x: left + i * CELL, y, width: CELL, height: CELL, class: isImage ? "cx-pixel" : "cx-padding" }));
      }
      y += CELL + 4;
      for (let place = 0; place < places; place++) {
        children.push(svg("rect", {
          x: left + place * stride * CELL + 1, y: y + (place % 3) * 8, width: kernel * CELL - 2, height: 6, class: "cx-stop",
        }));
      }
      y += 34;
    }
    return drawing(Math.max(260, (most + input + 2 * 4 + 2) * CELL), y, ...children);
  }

  // ------------------------------------------------------------------ making one live

  const EXPLORERS = { ...convlab.EXPLORERS, sizes, slide, field, padding };

  /** One explorer in an element of the page: its sliders, its sentence, its picture. */
  class Mounted {
    /**
     * @param {HTMLElement} place
     * @param {string} name - of `convlab.EXPLORERS`
     * @param {object} known - what the explorer shows
     */
    constructor(place, name, known) {
      Object.assign(this, { explorer: EXPLORERS[name], known });
      this.sliders = slidersOf(this.explorer, known);
      this.now = { ...starts(this.sliders), ...known.values };
      this.inputs = {};
      const rows = Object.entries(this.sliders).map(([key, slider]) => this.#row(key, slider));
      this.sentence = element("p", { class: "cx-sentence", role: "status" });
      this.box = element("div", { class: "cx-box" });
      const { act, choose } = this.explorer;
      const button = act && convlab.button(say(act.name), () => this.show(act.change(this.now, known)));
      if (choose) {
        this.box.classList.add("cx-choose");
        this.box.addEventListener("pointerdown", (event) => this.#press(event));
        this.box.addEventListener("pointermove", (event) => event.buttons && this.#press(event));
      }
      this.show({});
      place.replaceChildren(element("div", { class: "cx", role: "group", "aria-label": say(`explorer_${name}`) },
        element("div", { class: "cx-sliders" }, ...rows, button), this.sentence, this.box));
    }

    #row(key, [, least, most, step = 1]) {
      const shown = element("output");
      const input = element("input", {
        type: "range", min: least, max: most, step, oninput: () => this.show({ [key]: Number(input.value) }),
      });
      this.inputs[key] = { input, shown, step };
      return element("label", {}, element("span", {}, say(`slider_${key}`)), input, shown);
    }

    /** A press on the first picture chooses what is there. */
    #press(event) {
      const picture = this.box.firstChild;
      const size = picture.getBoundingClientRect();
      const scale = Number(picture.getAttribute("width")) / size.width;
      const [left, top] = [(event.clientX - size.left) * scale, (event.clientY - size.top) * scale];
      const chosen = left < 0 || top < 0 ? null : this.explorer.choose(left, top, this.now, this.known);
      if (chosen) this.show(chosen);
    }

    /** Show other values, as far as the sliders reach. */
    show(wanted) {
      const { explorer, known, now } = this;
      Object.assign(now, wanted);
      const limits = explorer.limits?.(now, known) ?? {};
      for (const [key, { input, shown, step }] of Object.entries(this.inputs)) {
        const [least, most] = limits[key] ?? this.sliders[key].slice(1);
        const within = Math.min(Math.max(now[key], least), most);
        now[key] = step === 1 ? Math.round(within) : within;
        Object.assign(input, { min: least, max: most, value: now[key] });
        const text = explorer.shown?.[key]?.(now[key], known) ?? (step === 1 ? String(now[key]) : now[key].toFixed(step < 0.01 ? 3 : 2));
        shown.textContent = text;
        input.setAttribute("aria-valuetext", text);
      }
      this.sentence.textContent = explorer.sentence(now, known);
      this.box.replaceChildren(...pictures(explorer, now, known));
    }
  }

  const slidersOf = (explorer, known) => explorer.sliders ?? explorer.slidersFor(known);
  const starts = (sliders) => Object.fromEntries(Object.entries(sliders).map(([key, [start]]) => [key, start]));
  const pictures = (explorer, now, known) => [explorer.picture(now, known)].flat().filter((picture) => picture);

  /** Return what an explorer shows before anybody turns it: {sentence, pictures}. */
  async function still(name, options = {}) {
    const explorer = EXPLORERS[name];
    const known = { ...explorer.options, ...options };
    const prepared = explorer.prepare ? await explorer.prepare(known) : known;
    const now = { ...starts(slidersOf(explorer, prepared)), ...known.values };
    return { sentence: explorer.sentence(now, prepared), pictures: pictures(explorer, now, prepared) };
  }

  /**
   * Put an explorer into an element, which may hold a still picture until it is ready.
   * @param {HTMLElement} place
   * @param {string} name - of `convlab.EXPLORERS`
   * @param {object} [options] - what the explorer shows; `slide` needs {image, kernel}, lists of lines; `values` are where
   *   sliders start
   */
  async function mount(place, name, options = {}) {
    const explorer = EXPLORERS[name];
    const known = { ...explorer.options, ...options };
    try {
      return new Mounted(place, name, explorer.prepare ? await explorer.prepare(known) : known);
    } catch (error) {
      place.prepend(element("p", { role: "status" }, convlab.message(error)));
      return null;
    }
  }

  /** Make every element with data-explorer live; it takes the place of the output before it, a still picture. */
  async function mountAll() {
    const outputs = [...document.querySelectorAll(".cell_output")];
    for (const place of document.querySelectorAll("[data-explorer]")) {
      const mounted = await mount(place, place.dataset.explorer, JSON.parse(place.dataset.options ?? "{}"));
      const before = (output) => output.compareDocumentPosition(place) & Node.DOCUMENT_POSITION_FOLLOWING;
      const still = mounted && outputs.filter(before).at(-1);
      if (still) still.style.display = "none";
    }
  }

  Object.assign(convlab, { EXPLORERS, mount, mountAll, still, neverRead });
  if (globalThis.document?.querySelector?.("[data-explorer]")) convlab.mounted = mountAll();
});
