/**
 * The panel that looks inside: what one image becomes layer by layer, and how one output is computed.
 */
convlab.part(function inside(convlab) {
  "use strict";
  const { element, button, choice, percent, largest, range, say, by } = convlab;

  const VIEWS = ["outputs", "gradients", "filters"];
  const SHOWN_INPUTS = 6; // of a dense layer's products

  class InsidePanel {
    /** @param {{look: function(): void, choose: function(object): void, names: function(): string[]}} acts */
    constructor(acts) {
      Object.assign(this, { acts, view: "outputs", selected: null, report: null });
      this.draw();
    }

    draw() {
      const view = choice(VIEWS.map((name) => [name, say(`show_${name}`)]), { id: "cl-view", onchange: () => {
        this.view = view.value;
        this.selected = null;
        this.show();
      } });
      view.value = this.view;
      this.index = element("input", {
        type: "number", id: "cl-index", min: 0, value: 0, oninput: () => this.acts.choose({ index: Number(this.index.value) }),
      });
      const move = (by) => () => this.acts.choose({ index: Number(this.index.value) + by });
      this.summary = element("p", { id: "cl-inside-summary", role: "status" });
      this.layers = element("div", { id: "cl-inside-layers" });
      this.element = element("section", { "aria-labelledby": "cl-inside" },
        element("h2", { id: "cl-inside" }, say("inside")),
        element("p", { class: "cl-note" }, say("inside_intro")),
        element("div", { class: "cl-row" },
          element("label", {}, say("test_image"), this.index),
          button(say("previous"), move(-1), { id: "cl-previous" }), button(say("next"), move(1), { id: "cl-next" }),
          element("label", {}, say("view"), view)),
        this.summary, this.layers);
      this.show();
    }

    /** Forget the image. */
    clear() {
      Object.assign(this, { report: null, selected: null });
      this.show();
    }

    /**
     * Show what the trainer has found out about one image.
     * @param {object} report - `looked` of the trainer
     * @param {{rows: object[], input: number[], label: number}} about
     */
    looked(report, about) {
      Object.assign(this, { report, about });
      this.show();
    }

    show() {
      if (!this.report) {
        this.summary.textContent = say("inside_waiting");
        this.layers.replaceChildren();
        return;
      }
      const names = this.acts.names();
      const { shares } = this.report;
      const guess = largest([...shares]);
      this.summary.textContent = `${say("label_is", { label: names[this.about.label] })}; ${
        say("says", { guess: names[guess], share: percent(shares[guess], 0) })}`;
      const entries = this.#entries();
      while (this.layers.children.length > entries.length) this.layers.lastElementChild.remove();
      for (const [i, entry] of entries.entries()) {
        this.layers.children[i] ?? this.layers.append(this.#box());
        this.#fill(this.layers.children[i], entry);
      }
      this.entries = entries;
      this.#detail();
    }

    /** Return what is to be shown: {title, values or filters, shape, place}; place -1 is the image. */
    #entries() {
      const { report, about: { rows, input } } = this;
      if (this.view === "filters") {
        return rows.flatMap((row, place) => (report.weights[place]?.kernel && row.layer.kind === "Conv2D" ? [{
          title: say("layer_title", { n: place + 1, kind: row.layer.kind, shape: by(row.parameters.kernel) }), place,
          filters: report.weights[place].kernel, shape: row.parameters.kernel, kind: row.layer.kind,
        }] : []));
      }
      const of = this.view === "outputs" ? report : { image: report.gradients.image, outputs: report.gradients.outputs };
      const what = say(`show_${this.view}`);
      return [{ title: say("input_title", { what }), values: of.image, shape: input, place: -1, kind: say("image") }].concat(
        rows.map((row, place) => ({
          title: say("layer_title", { n: place + 1, kind: row.layer.kind, shape: by(row.output) }),
          values: of.outputs[place], shape: row.output, place, kind: row.layer.kind,
        })));
    }

    /** Return the empty box of a layer: title, canvas with a mark over it, range, and room for a computation. */
    #box() {
      const canvas = element("canvas", { class: "cl-maps", role: "img" });
      const box = element("div", { class: "cl-layer" }, element("h3"),
        element("div", { class: "cl-scroll" }, element("div", { class: "cl-marked" }, canvas, element("span", { class: "cl-mark", hidden: true }))),
        element("p", { class: "cl-note" }), element("div", { class: "cl-detail", "aria-live": "polite" }));
      const select = (event) => {
        const size = canvas.getBoundingClientRect();
        const left = ((event.clientX - size.left) * canvas.width) / size.width;
        const top = ((event.clientY - size.top) * canvas.height) / size.height;
        const at = box.drawn?.at?.(left, top);
        if (at) this.#select(box.entry, at);
      };
      canvas.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") select(event); });
      canvas.addEventListener("click", select);
      canvas.addEventListener("keydown", (event) => this.#key(event, box));
      return box;
    }

    #fill(box, entry) {
      const [title, scroll, note, detail] = box.children;
      const [canvas, mark] = scroll.firstChild.children;
      box.entry = entry;
      box.drawn = entry.filters
        ? convlab.drawFilters(canvas, entry.filters, entry.shape) : convlab.drawMaps(canvas, entry.values, entry.shape);
      const values = { low: box.drawn.low.toPrecision(2), high: box.drawn.high.toPrecision(2) };
      const explains = this.view === "outputs" && entry.place >= 0;
      title.textContent = entry.title;
      note.textContent = say("range", values);
      canvas.setAttribute("aria-label", say(explains ? "maps_alt_keys" : "maps_alt", {
        what: say(`show_${this.view}`), n: entry.place + 1, kind: entry.kind, shape: by(entry.shape), ...values,
      }));
      canvas.setAttribute("role", explains ? "application" : "img");
      if (explains) canvas.tabIndex = 0;
      else canvas.removeAttribute("tabindex");
      mark.hidden = true;
      if (this.selected?.place !== entry.place || !explains) detail.replaceChildren();
    }

    #select(entry, { channel, row, column }) {
      if (this.view !== "outputs" || entry.place < 0) return;
      this.selected = { place: entry.place, channel, row, column };
      for (const box of this.layers.children) {
        box.querySelector(".cl-mark").hidden = true;
        if (box.entry.place !== entry.place) box.lastElementChild.replaceChildren();
      }
      this.#detail();
    }

    #key(event, box) {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      const [height, width, channels] = box.entry.shape.length === 3 ? box.entry.shape : [1, 1, box.entry.shape[0]];
      const now = this.selected?.place === box.entry.place ? this.selected : { channel: 0, row: -1, column: 0 };
      const within = (value, end) => Math.min(Math.max(value, 0), end - 1);
      if (step && width > 1) {
        this.#select(box.entry, { channel: now.channel, row: within(now.row + step[0], height), column: within(now.column + step[1], width) });
      } else if (step || event.key === "PageDown" || event.key === "PageUp") {
        const by = step ? step[0] + step[1] : event.key === "PageDown" ? 1 : -1;
        this.#select(box.entry, { channel: within(now.channel + by, channels), row: within(now.row, height), column: now.column });
      } else return;
      event.preventDefault();
    }

    /** Show how the selected output is computed, and mark it and the window that it sees. */
    #detail() {
      const { selected, report, about, entries } = this;
      if (!selected || this.view !== "outputs") return;
      const own = [...this.layers.children].find((box) => box.entry.place === selected.place);
      const before = [...this.layers.children].find((box) => box.entry.place === selected.place - 1);
      const row = about.rows[selected.place];
      const input = { values: entries.find((one) => one.place === selected.place - 1).values, shape: row.input };
      const explanation = explain(row, selected, input, report.outputs[selected.place], report.weights[selected.place]);
      mark(own, selected, 1, 1);
      if (explanation.window) mark(before, { ...explanation.window, channel: explanation.channel }, explanation.window.height, explanation.window.width);
      own.lastElementChild.replaceChildren(...explanation.content);
    }
  }

  /** Mark a window of one channel in a layer's picture. */
  function mark(box, { channel, row, column }, height, width) {
    const [canvas, sign] = box.querySelector(".cl-marked").children;
    const scale = canvas.getBoundingClientRect().width / canvas.width;
    const [left, top] = box.drawn.place(channel, row, column);
    Object.assign(sign.style, {
      left: `${left * scale - 2}px`, top: `${top * scale - 2}px`, width: `${width * scale + 4}px`, height: `${height * scale + 4}px`,
    });
    sign.hidden = false;
  }

  /**
   * Return how a layer computes one output: {content: elements, window, channel}, the last two where it sees a window.
   * @param {object} row - of `convlab.count`
   * @param {{channel: number, row: number, column: number}} place
   * @param {{values: Float32Array, shape: number[]}} input - what the layer was given
   * @param {Float32Array} output - what it made of it
   * @param {object} weights - its parameters by name
   */
  function explain(row, place, input, output, weights) {
    const { layer } = row;
    const [, width, channels] = row.output.length === 3 ? row.output : [1, 1, row.output[0]];
    const result = output[(place.row * width + place.column) * channels + place.channel];
    const words = { n: place.channel + 1, row: place.row, column: place.column, result: short(result) };
    const sentence = (key, values = {}) => element("p", {}, say(key, { ...words, ...values }));
    if (layer.kind === "Conv2D") return explainConv(row, place, input, weights, sentence);
    if (layer.kind === "MaxPool2D" || layer.kind === "AvgPool2D") {
      const seen = windowOf(layer.size, layer, row, place);
      const values = cells(seen, (y, x) => valueAt(input, y, x, place.channel));
      const content = [sentence(layer.kind === "MaxPool2D" ? "explain_max" : "explain_average"), grid(values, say("window_values"))];
      return { content, window: clipped(seen, input.shape), channel: place.channel };
    }
    if (layer.kind === "Dense") return { content: explainDense(row, place, input, weights, sentence) };
    const at = (place.row * width + place.column) * channels + place.channel;
    const key = { ReLU: "explain_relu", Sigmoid: "explain_sigmoid", BatchNorm: "explain_norm", Flatten: "explain_same", Dropout: "explain_same" }[layer.kind];
    return { content: [sentence(key, { input: short(input.values[at]) })] };
  }

  /** A convolution: the window, the kernel and their products in the channel of the largest sum, and the sum of all. */
  function explainConv(row, place, input, weights, sentence) {
    const { layer } = row;
    const [size, , channels, filters] = row.parameters.kernel;
    const seen = windowOf(size, layer, row, place);
    const kernelAt = (y, x, c) => weights.kernel[((y * size + x) * channels + c) * filters + place.channel];
    const productAt = (y, x, c) => valueAt(input, seen.row + y, seen.column + x, c) * kernelAt(y, x, c);
    const sums = range(channels).map((c) => range(size * size).reduce((sum, i) => sum + productAt(Math.floor(i / size), i % size, c), 0));
    const channel = largest(sums.map(Math.abs));
    const bias = weights.bias ? weights.bias[place.channel] : 0;
    const table = (at) => range(size).map((y) => range(size).map((x) => at(y, x)));
    const others = sums.reduce((all, sum) => all + sum, 0) - sums[channel];
    const content = [
      sentence(channels > 1 ? "explain_conv_channels" : "explain_conv", {
        products: size * size, channel: channel + 1, channels, sum: short(sums[channel]), others: short(others), bias: short(bias),
      }),
      element("div", { class: "cl-grids" },
        grid(table((y, x) => valueAt(input, seen.row + y, seen.column + x, channel)), say("window_values")),
        element("span", { "aria-hidden": "true" }, "·"),
        grid(table((y, x) => kernelAt(y, x, channel)), say("kernel_values")),
        element("span", { "aria-hidden": "true" }, "="),
        grid(table((y, x) => productAt(y, x, channel)), say("products"))),
    ];
    return { content, window: clipped(seen, input.shape), channel };
  }

  /** A dense layer: the largest products, and the sum of the others. */
  function explainDense(row, place, input, weights, sentence) {
    const units = row.output[0];
    const products = range(row.input[0]).map((k) => input.values[k] * weights.kernel[k * units + place.channel]);
    const order = range(products.length).sort((one, other) => Math.abs(products[other]) - Math.abs(products[one]));
    const shown = order.slice(0, SHOWN_INPUTS);
    const others = order.slice(SHOWN_INPUTS).reduce((sum, k) => sum + products[k], 0);
    const lines = shown.map((k) => element("tr", {}, element("th", { scope: "row" }, String(k + 1)),
      ...[input.values[k], weights.kernel[k * units + place.channel], products[k]].map((value) => element("td", { class: "cl-number" }, short(value)))));
    const head = ["input", "value", "weight", "product"].map((name) => element("th", { scope: "col" }, say(`column_${name}`)));
    return [
      sentence("explain_dense", { products: products.length, bias: short(weights.bias?.[place.channel] ?? 0), others: short(others), shown: shown.length }),
      element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...lines)),
    ];
  }

  /** Return where the window of an output begins in the input, padding included, and its size. */
  function windowOf(size, { stride, padding }, row, place) {
    const [top] = convlab.sides(row.input[0], size, stride, padding);
    const [left] = convlab.sides(row.input[1], size, stride, padding);
    return { row: place.row * stride - top, column: place.column * stride - left, height: size, width: size };
  }

  /** Return the part of a window that lies on the image. */
  function clipped({ row, column, height, width }, [imageHeight, imageWidth]) {
    const [top, left] = [Math.max(row, 0), Math.max(column, 0)];
    return {
      row: top, column: left, height: Math.min(row + height, imageHeight) - top, width: Math.min(column + width, imageWidth) - left,
    };
  }

  /** Return the numbers under a window: null beyond the image. */
  const cells = (seen, at) => range(seen.height).map((y) => range(seen.width).map((x) => at(seen.row + y, seen.column + x)));

  /** Return one number of a map; a padded one is 0. */
  function valueAt({ values, shape: [height, width, channels] }, row, column, channel) {
    if (row < 0 || column < 0 || row >= height || column >= width) return 0;
    return values[(row * width + column) * channels + channel];
  }

  /** Return a small table of numbers. */
  function grid(rows, caption) {
    return element("table", { class: "cl-grid" }, element("caption", {}, caption),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((value) => element("td", {}, short(value)))))));
  }

  /** Return a number in a few digits. */
  const short = (value) => (Math.abs(value) < 0.005 ? "0" : Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2));

  Object.assign(convlab, { InsidePanel, explain });
});
