/**
 * The live page: builds itself inside #convlab-live, and talks to a trainer.
 */
convlab.part(function live(convlab) {
  "use strict";
  const { say, by } = convlab;

  const INPUT = [28, 28, 1];
  const CLASSES = 10;
  const ENOUGH = 200000; // images after which it pauses by itself
  const STORE = "convlab-digits";
  const conv = (filters, kernelSize, padding = "valid") => ({ kind: "Conv2D", filters, kernelSize, stride: 1, padding });
  const pool = (padding = "valid") => ({ kind: "MaxPool2D", size: 2, stride: 2, padding });
  const relu = () => ({ kind: "ReLU" });
  const dense = (units) => ({ kind: "Dense", units });
  const flatten = () => ({ kind: "Flatten" });
  const norm = () => ({ kind: "BatchNorm", momentum: 0.9, epsilon: 0.001 });
  const PRESETS = {
    small: () => [conv(8, 5), relu(), pool(), conv(16, 5), relu(), pool(), flatten(), dense(10)],
    lecture: () => [
      conv(32, 3, "same"), relu(), pool("same"), conv(64, 3, "same"), relu(), pool("same"),
      conv(128, 3, "same"), relu(), pool("same"), flatten(), dense(625), relu(), { kind: "Dropout", rate: 0.5 }, dense(10),
    ],
    dense: () => [flatten(), dense(128), relu(), dense(10)],
    norm: () => [conv(8, 5), norm(), relu(), pool(), conv(16, 5), norm(), relu(), pool(), flatten(), dense(10)],
  };
  const FIELDS = {
    Conv2D: ["filters", "kernelSize", "stride", "padding"], MaxPool2D: ["size", "stride", "padding"],
    AvgPool2D: ["size", "stride", "padding"], Dense: ["units"], Dropout: ["rate"], BatchNorm: ["momentum"],
  };

  /** Return an element: `element("button", {class: "a", onclick: f}, "text", child)`. */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  /** The page: what the reader has chosen, what the trainer has told, and the elements that show it. */
  class LivePage {
    /** @param {HTMLElement} place */
    constructor(place) {
      this.place = place;
      this.layers = PRESETS.small();
      this.settings = { rule: "Adam", learningRate: 0.002, batchSize: 32, seed: 0, shift: true };
      this.digits = null; // test digits to look at: {images, labels}
      this.chosen = { index: 0 };
      this.view = "maps";
      this.mine = stored();
      this.trainer = null;
      this.#forget();
      this.#draw();
      document.addEventListener("visibilitychange", () => this.#visibility());
    }

    /** Nothing is known of a network that has not been trained. */
    #forget() {
      Object.assign(this, { running: false, built: false, seen: 0, curve: [], tests: [], told: null, looking: false });
    }

    #draw() {
      const root = element("div", { class: "cl" });
      this.root = root;
      root.append(
        element("p", {}, say("intro")),
        this.#networkSection(), this.#trainingSection(), this.#drawSection(), this.#insideSection(),
        this.#wrongSection(), this.#fileSection(),
      );
      this.place.replaceChildren(root);
      this.#showLayers();
      this.#showFigures();
      this.#showMine();
    }

    // ---------------------------------------------------------------- the network

    #networkSection() {
      this.preset = element("select", { id: "cl-preset", onchange: () => this.#take(PRESETS[this.preset.value]()) },
        ...Object.keys(PRESETS).map((name) => element("option", { value: name }, say(`preset_${name}`))));
      this.table = element("table", { class: "cl-layers" });
      this.kind = element("select", {}, ...Object.keys(convlab.KINDS).map((kind) => element("option", {}, kind)));
      this.after = element("select", {});
      return element("section", { "aria-labelledby": "cl-network" },
        element("h2", { id: "cl-network" }, say("network")),
        element("div", { class: "cl-row" }, element("label", {}, say("network_start"), this.preset)),
        element("div", { class: "cl-scroll" }, this.table),
        element("div", { class: "cl-row" },
          element("label", {}, say("add_kind"), this.kind),
          element("label", {}, say("add_place"), this.after),
          element("button", { type: "button", id: "cl-add", onclick: () => this.#add() }, say("add"))),
        this.networkError = element("p", { class: "cl-error", role: "alert", id: "cl-network-error" }));
    }

    /** Take other layers: what was learned is gone. */
    #take(layers) {
      this.layers = layers;
      this.#restart();
      this.#showLayers();
    }

    #add() {
      const place = Number(this.after.value);
      const layer = { kind: this.kind.value, ...convlab.KINDS[this.kind.value].usual };
      this.#take([...this.layers.slice(0, place), layer, ...this.layers.slice(place)]);
    }

    #showLayers() {
      const head = ["layer", "settings", "output", "parameters", "macs", "change"];
      const numbers = new Set(["parameters", "macs"]);
      this.table.replaceChildren(
        element("thead", {}, element("tr", {}, ...head.map((name) => (
          element("th", { scope: "col", class: numbers.has(name) ? "cl-number" : null }, say(name)))))),
        element("tbody", {}, ...this.layers.map((layer, place) => this.#layerRow(layer, place))),
        this.foot = element("tfoot", {}),
      );
      const chosen = this.after.value || String(Math.max(this.layers.length - 2, 0));
      this.after.replaceChildren(...Array.from({ length: this.layers.length + 1 }, (_, place) => (
        element("option", { value: place }, place ? `${place} ${this.layers[place - 1].kind}` : say("images_in")))));
      this.after.value = Number(chosen) <= this.layers.length ? chosen : String(this.layers.length);
      this.#showSizes();
    }

    #layerRow(layer, place) {
      const n = place + 1;
      const fields = (FIELDS[layer.kind] ?? []).map((field) => this.#field(layer, field, n));
      const button = (name, sign, act, disabled) => element("button", {
        type: "button", "aria-label": say(name, { n }), title: say(name, { n }), disabled, onclick: act,
      }, sign);
      return element("tr", {},
        element("th", { scope: "row" }, `${n} ${layer.kind}`),
        element("td", {}, element("div", { class: "cl-fields" }, ...fields)),
        element("td", { "data-label": say("output"), class: "cl-output" }),
        element("td", { "data-label": say("parameters"), class: "cl-number" }),
        element("td", { "data-label": say("macs"), class: "cl-number" }),
        element("td", {},
          button("up", "↑", () => this.#move(place, -1), place === 0), " ",
          button("down", "↓", () => this.#move(place, 1), place === this.layers.length - 1), " ",
          button("remove", "✕", () => this.#take(this.layers.filter((_, other) => other !== place)))));
    }

    #field(layer, field, n) {
      const name = say("field_of", { field: say(`field_${field}`), n, kind: layer.kind });
      const change = (value) => {
        layer[field] = value;
        this.#restart();
        this.#showSizes();
      };
      if (field === "padding") {
        const own = element("select", { "aria-label": name, onchange: () => change(own.value) },
          ...["valid", "same"].map((value) => element("option", {}, value)));
        own.value = layer.padding;
        return element("label", {}, say(`field_${field}`), own);
      }
      const own = element("input", {
        type: "number", "aria-label": name, value: layer[field], step: field === "rate" || field === "momentum" ? 0.05 : 1,
        oninput: () => change(own.value === "" ? null : Number(own.value)),
      });
      return element("label", {}, say(`field_${field}`), own);
    }

    #move(place, by) {
      const layers = [...this.layers];
      [layers[place], layers[place + by]] = [layers[place + by], layers[place]];
      this.#take(layers);
    }

    /** Fill in sizes, parameters and products, or say at which layer the network fails, and why. */
    #showSizes() {
      const rows = [...this.table.tBodies[0].rows];
      let counted;
      let fault = null;
      try {
        for (const layer of this.layers) {
          for (const field of FIELDS[layer.kind] ?? []) if (layer[field] === null) throw this.#empty(layer, field);
        }
        counted = convlab.checked(this.layers, INPUT, CLASSES, this.settings.batchSize);
      } catch (error) {
        if (!(error instanceof convlab.Refusal)) throw error;
        fault = error;
        counted = error.rows ?? [];
      }
      for (const [place, row] of rows.entries()) {
        const [, , output, parameters, macs] = row.cells;
        const known = counted[place];
        output.classList.toggle("cl-error", !known && fault?.place === place);
        output.textContent = known ? by(known.output) : fault?.place === place ? convlab.told(fault) : "";
        parameters.textContent = known ? grouped(known.count) : "";
        macs.textContent = known ? grouped(known.macs) : "";
      }
      const sum = (name) => grouped(counted.reduce((all, row) => all + row[name], 0));
      this.foot.replaceChildren(element("tr", {}, element("th", { scope: "row" }, say("total")), element("td"), element("td"),
        element("td", { class: "cl-number", "data-label": say("parameters") }, sum("count")),
        element("td", { class: "cl-number", "data-label": say("macs") }, sum("macs"))));
      this.fault = fault;
      this.networkError.textContent = fault ? convlab.told(fault) : "";
      this.#enable();
    }

    #empty(layer, field) {
      const what = { key: { kernelSize: "what_kernel", rate: "field_rate", momentum: "field_momentum" }[field] ?? `what_${field}` };
      const place = this.layers.indexOf(layer);
      return Object.assign(new convlab.Refusal("not_whole", { what, least: 1, value: '""' }), { place });
    }

    // ---------------------------------------------------------------- the training

    #trainingSection() {
      const number = (name, attributes) => {
        const own = element("input", {
          type: "number", id: `cl-${name}`, value: this.settings[name], ...attributes,
          oninput: () => this.#set(name, own.value === "" ? "" : Number(own.value)),
        });
        return element("label", {}, say(name), own);
      };
      this.rule = element("select", { id: "cl-rule", onchange: () => this.#set("rule", this.rule.value) },
        ...Object.keys(convlab.RULES).map((rule) => element("option", {}, rule)));
      this.rule.value = this.settings.rule;
      this.shift = element("input", { type: "checkbox", id: "cl-shift", onchange: () => this.#set("shift", this.shift.checked) });
      this.shift.checked = this.settings.shift;
      const button = (id, text, act, main) => element("button", {
        type: "button", id: `cl-${id}`, class: main ? "cl-main" : null, onclick: act,
      }, text);
      const figure = (name) => [element("dt", {}, say(name)), this.figures[name] = element("dd", { id: `cl-${name}` }, "–")];
      this.figures = {};
      const names = ["seen", "loss", "accuracy_train", "accuracy_test", "accuracy_mine", "speed"];
      return element("section", { "aria-labelledby": "cl-training" },
        element("h2", { id: "cl-training" }, say("training")),
        element("div", { class: "cl-row" },
          element("label", {}, say("rule"), this.rule),
          number("learningRate", { step: "any", min: 0 }), number("batchSize", { min: 1, step: 1 }), number("seed", { min: 0, step: 1 }),
          element("label", { class: "cl-tick" }, this.shift, say("shift"))),
        this.settingsError = element("p", { class: "cl-error", role: "alert", id: "cl-settings-error" }),
        element("div", { class: "cl-row" },
          this.startButton = button("start", say("start"), () => this.#toggle(), true),
          this.stepButton = button("step", say("step"), () => this.#once()),
          this.resetButton = button("reset", say("reset"), () => this.#restart())),
        this.status = element("p", { class: "cl-note", role: "status", id: "cl-status" }, say("waiting")),
        this.note = element("p", { class: "cl-note", id: "cl-note" }),
        element("dl", { class: "cl-figures" }, ...names.map((name) => element("div", {}, ...figure(name)))),
        element("div", { class: "cl-curves" },
          ...["loss", "accuracy"].map((name) => element("figure", { style: "margin: 0" },
            this[`${name}Curve`] = element("canvas", { class: "cl-curve", role: "img", id: `cl-${name}-curve` }),
            element("figcaption", {}, say(`${name}_curve`))))));
    }

    /** Change one setting; batch size and seed begin anew, the others act at once. */
    #set(name, value) {
      this.settings[name] = value;
      try {
        this.#checkSettings();
        this.settingsFault = null;
      } catch (error) {
        this.settingsFault = error;
      }
      this.settingsError.textContent = this.settingsFault ? convlab.told(this.settingsFault) : "";
      if (name === "batchSize" || name === "seed") this.#restart();
      else if (this.built && !this.settingsFault) this.trainer.post({ type: "settings", ...this.settings });
      if (name === "batchSize") this.#showSizes();
      this.#enable();
    }

    #checkSettings() {
      convlab.checkedRate(this.settings.learningRate);
      convlab.whole("batch", this.settings.batchSize);
      convlab.whole("seed", this.settings.seed, 0);
    }

    #enable() {
      const impossible = Boolean(this.fault || this.settingsFault);
      for (const button of [this.startButton, this.stepButton]) button.disabled = impossible || this.loading;
      this.startButton.textContent = say(this.running ? "pause" : "start");
      if (impossible && this.running) this.#pause();
    }

    /** Forget what was learned; the next start builds the network anew. */
    #restart() {
      if (this.built) this.trainer.post({ type: "pause" });
      const known = this.built;
      this.#forget();
      if (known) this.status.textContent = say("changed");
      this.#showFigures();
      this.#showInside();
      this.#showWrong();
      this.#enable();
    }

    #toggle() {
      if (this.running) this.#pause();
      else this.#withNetwork(() => {
        this.running = true;
        this.trainer.post({ type: "run", images: ENOUGH });
        this.status.textContent = this.ready;
        this.#enable();
      });
    }

    #pause() {
      this.trainer.post({ type: "pause" });
      this.running = false;
      this.#enable();
    }

    #once() {
      this.#withNetwork(() => {
        this.trainer.post({ type: "steps", count: 1 });
        this.trainer.post({ type: "evaluate" });
      });
    }

    #visibility() {
      if (document.hidden && this.running) {
        this.#pause();
        this.status.textContent = say("hidden");
      }
    }

    /** Call `then` when there are digits, a trainer and a network. */
    async #withNetwork(then) {
      if (this.loading) return;
      if (!this.trainer) {
        this.loading = true;
        this.status.textContent = say("loading");
        this.#enable();
        try {
          await this.#load();
        } catch (error) {
          this.status.textContent = say("no_digits");
          return;
        } finally {
          this.loading = false;
          this.#enable();
        }
      }
      if (!this.built) {
        const { shift, ...options } = this.settings;
        this.trainer.post({ type: "build", layers: this.layers, options: { ...options, input: INPUT, classes: CLASSES }, shift });
        this.trainer.post({ type: "mine", ...this.#ownDigits() });
        this.built = true;
      }
      then();
    }

    /** Load the digits beside the page and start the trainer. */
    async #load() {
      if (!convlab.digits) await script(new URL("mnist.js", convlab.folder).href);
      this.digits = (await convlab.unpackDigits(convlab.digits)).test;
      const trainer = convlab.startTrainer((report) => this.#receive(report));
      trainer.post({ type: "data", packed: convlab.digits });
      if (!trainer.inWorker) this.note.textContent = say("in_page");
      this.trainer = trainer;
    }

    #receive(report) {
      this[`told_${report.type}`](report);
    }

    told_data({ train, test }) {
      this.ready = say("ready", { train: grouped(train), test: grouped(test) });
      this.status.textContent = this.ready;
    }

    told_built({ wasm }) {
      if (!wasm) this.note.textContent = say("no_wasm");
    }

    told_refused(error) {
      this.running = false;
      this.status.textContent = convlab.told(error);
      this.#enable();
    }

    told_report(report) {
      if (!this.built || report.seen < this.seen) return; // of a network that is gone
      this.seen = report.seen;
      this.told = report;
      this.curve.push(report);
      if (this.curve.length > 1200) this.curve = this.curve.filter((_, i) => i % 2);
      this.#showFigures();
      this.#look();
    }

    told_evaluated(report) {
      if (!this.built || report.seen < this.seen) return;
      this.tests.push(report);
      this.#showFigures();
      this.#showWrong();
      this.#classify();
    }

    told_paused({ seen }) {
      if (!this.built) return;
      if (this.running) this.status.textContent = say("enough", { seen: grouped(seen) });
      else if (!document.hidden) this.status.textContent = say("stopped", { seen: grouped(seen) });
      this.running = false;
      this.#enable();
    }

    #showFigures() {
      const test = this.tests.at(-1);
      const percent = (share) => (share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)} %`);
      const show = (name, text) => { this.figures[name].textContent = text; };
      show("seen", grouped(this.seen));
      show("loss", this.told ? this.told.loss.toFixed(3) : "–");
      show("accuracy_train", percent(this.told?.accuracy));
      show("accuracy_test", percent(test?.accuracy));
      show("accuracy_mine", percent(test?.mine));
      show("speed", this.told?.speed ? grouped(Math.round(this.told.speed)) : "–");
      this.#curve(this.lossCurve, "loss", null, say("loss"));
      this.#curve(this.accuracyCurve, "accuracy", 1, say("accuracy_test"));
    }

    /** Draw one figure of training and test over the images seen. */
    #curve(canvas, name, top, what) {
      const smooth = [];
      for (const { seen, [name]: value } of this.curve) {
        const before = smooth.at(-1)?.value ?? value;
        smooth.push({ seen, value: before + 0.2 * (value - before) });
      }
      const tests = this.tests.map(({ seen, [name]: value }) => ({ seen, value }));
      convlab.drawCurves(canvas, [
        { points: smooth, label: say("curve_train"), dashed: false }, { points: tests, label: say("curve_test"), dashed: true },
      ], { top });
      const shown = (points) => (points.length ? points.at(-1).value.toFixed(3) : "–");
      canvas.setAttribute("aria-label", say("curve_alt", { what, seen: this.seen, train: shown(smooth), test: shown(tests) }));
    }

    // ---------------------------------------------------------------- inside

    #insideSection() {
      const views = ["maps", "gradients", "filters"];
      this.viewSelect = element("select", { id: "cl-view", onchange: () => { this.view = this.viewSelect.value; this.#showInside(); } },
        ...views.map((view) => element("option", { value: view }, say(`show_${view}`))));
      this.indexInput = element("input", {
        type: "number", id: "cl-index", min: 0, value: 0, oninput: () => this.#choose({ index: Number(this.indexInput.value) }),
      });
      const move = (by) => () => this.#choose({ index: (this.chosen.index ?? 0) + by });
      return element("section", { "aria-labelledby": "cl-inside" },
        element("h2", { id: "cl-inside" }, say("inside")),
        element("p", { class: "cl-note" }, say("inside_intro")),
        element("div", { class: "cl-row" },
          element("label", {}, say("test_image"), this.indexInput),
          element("button", { type: "button", onclick: move(-1) }, say("previous")),
          element("button", { type: "button", onclick: move(1) }, say("next")),
          element("label", {}, say("view"), this.viewSelect)),
        this.insideTold = element("p", { id: "cl-inside-told" }, say("inside_waiting")),
        this.insideLayers = element("div", { id: "cl-inside-layers" }));
    }

    /** Look at another image: a test digit by its index, or pixels with a label. */
    #choose(chosen) {
      if ("index" in chosen && this.digits) {
        const { count } = this.digits;
        chosen.index = (((Math.trunc(chosen.index) || 0) % count) + count) % count;
        this.indexInput.value = chosen.index;
      }
      this.chosen = chosen;
      this.#look();
    }

    #look() {
      if (!this.built || this.looking) return;
      const { pixels, label } = this.#image();
      this.looking = true;
      this.trainer.post({ type: "look", pixels, label });
    }

    #image() {
      if (this.chosen.pixels) return this.chosen;
      const size = convlab.product(INPUT);
      const { index } = this.chosen;
      return { pixels: this.digits.images.slice(index * size, (index + 1) * size), label: this.digits.labels[index] };
    }

    told_looked(report) {
      if (!this.built) return;
      this.looking = false;
      this.look = report;
      this.#showInside();
    }

    #showInside() {
      if (!this.built || !this.look) {
        this.insideTold.textContent = say("inside_waiting");
        this.insideLayers.replaceChildren();
        return;
      }
      const { label } = this.#image();
      const guess = this.look.shares.indexOf(Math.max(...this.look.shares));
      const share = (100 * this.look.shares[guess]).toFixed(0);
      this.insideTold.textContent = `${say("label_is", { label })}; ${say("says", { guess, share })}`;
      const what = say(`show_${this.view}`);
      const rows = convlab.count(this.layers, INPUT);
      const entries = [];
      if (this.view !== "filters") {
        entries.push({
          title: say("input_alt", { what }), values: this.view === "maps" ? this.look.image : this.look.gradients.image,
          shape: INPUT, place: -1, kind: "",
        });
      }
      for (const [place, row] of rows.entries()) {
        const title = say("layer_title", { n: place + 1, kind: row.layer.kind, shape: by(row.output) });
        if (this.view === "filters") {
          if (!this.look.filters[place]) continue;
          entries.push({ title, filters: this.look.filters[place], shape: row.parameters.kernel, place, kind: row.layer.kind });
        } else {
          const values = this.view === "maps" ? this.look.outputs[place] : this.look.gradients.outputs[place];
          entries.push({ title, values, shape: row.output, place, kind: row.layer.kind });
        }
      }
      this.#fillInside(entries, what);
    }

    /** Draw every entry into the canvas that stands for it, which is made where it is missing. */
    #fillInside(entries, what) {
      const box = this.insideLayers;
      while (box.children.length > entries.length) box.lastElementChild.remove();
      for (const [i, entry] of entries.entries()) {
        box.children[i] ?? box.append(element("div", { class: "cl-layer" }, element("h3"),
          element("div", { class: "cl-scroll" }, element("canvas", { class: "cl-maps", role: "img" })), element("p", { class: "cl-note" })));
        const [title, scroll, note] = box.children[i].children;
        const { low, high } = entry.filters
          ? convlab.drawFilters(scroll.firstChild, entry.filters, entry.shape) : convlab.drawMaps(scroll.firstChild, entry.values, entry.shape);
        title.textContent = entry.title;
        const values = { low: low.toPrecision(2), high: high.toPrecision(2) };
        note.textContent = say("range", values);
        scroll.firstChild.setAttribute("aria-label", say("maps_alt", { what, n: entry.place + 1, kind: entry.kind, shape: by(entry.shape), ...values }));
      }
    }

    // ---------------------------------------------------------------- drawing

    #drawSection() {
      this.pad = new convlab.Pad((ended) => this.#drawn(ended));
      this.seenCanvas = element("canvas", { width: 28, height: 28, class: "cl-maps", style: "width: 112px", role: "img", "aria-label": say("as_seen") });
      this.shares = element("table", { class: "cl-shares", id: "cl-shares" });
      this.keepLabel = element("select", { id: "cl-keep-label" }, ...Array.from({ length: CLASSES }, (_, i) => element("option", {}, String(i))));
      return element("section", { "aria-labelledby": "cl-draw" },
        element("h2", { id: "cl-draw" }, say("draw")),
        element("p", { class: "cl-note" }, say("draw_intro")),
        element("div", { class: "cl-views" },
          this.pad.canvas,
          element("figure", {}, this.seenCanvas, element("figcaption", {}, say("as_seen"))),
          this.shares),
        element("div", { class: "cl-row" },
          element("button", { type: "button", id: "cl-clear", onclick: () => { this.pad.clear(); this.#drawn(true); } }, say("clear")),
          element("label", {}, say("keep_as"), this.keepLabel),
          element("button", { type: "button", id: "cl-keep", onclick: () => this.#keep() }, say("keep")),
          element("button", { type: "button", id: "cl-forget", onclick: () => this.#forgetMine() }, say("forget"))),
        this.drawNote = element("p", { class: "cl-note", role: "status", id: "cl-draw-note" }),
        this.mineBox = element("ul", { class: "cl-thumbs", id: "cl-mine" }));
    }

    /** A stroke has been drawn: show what the network sees, and what it says once the stroke has ended. */
    #drawn(ended) {
      this.own = this.pad.digit();
      convlab.drawMaps(this.seenCanvas, this.own ?? new Uint8Array(784), INPUT, 1);
      if (!this.own) {
        this.shares.replaceChildren();
        return;
      }
      this.drawNote.textContent = "";
      if (this.built) this.#classify();
      else if (ended && !this.fault && !this.settingsFault) this.#withNetwork(() => this.#classify());
    }

    #classify() {
      if (this.own && this.built) this.trainer.post({ type: "classify", pixels: this.own });
    }

    told_classified({ shares }) {
      if (!this.own) return;
      const best = shares.indexOf(Math.max(...shares));
      this.shares.replaceChildren(
        element("thead", { class: "cl-hidden" }, element("tr", {}, element("th", { scope: "col" }, say("digit")), element("th", { scope: "col", colspan: 2 }, say("share")))),
        element("tbody", {}, ...Array.from(shares, (share, digit) => element("tr", { class: digit === best ? "cl-best" : null },
          element("th", { scope: "row" }, String(digit)),
          element("td", { style: "width: 8rem" }, element("span", { class: "cl-bar", style: `width: ${(100 * share).toFixed(1)}%` })),
          element("td", { class: "cl-number" }, `${(100 * share).toFixed(0)} %`)))));
    }

    #keep() {
      if (!this.own) {
        this.drawNote.textContent = say("draw_first");
        return;
      }
      this.mine.push({ pixels: [...this.own], label: Number(this.keepLabel.value) });
      this.#mineChanged();
      this.pad.clear();
      this.#drawn(false);
    }

    #forgetMine() {
      this.mine = [];
      this.#mineChanged();
    }

    #mineChanged() {
      const kept = store(this.mine);
      if (this.built) {
        this.trainer.post({ type: "mine", ...this.#ownDigits() });
        this.trainer.post({ type: "evaluate" });
      }
      this.#showMine();
      if (!kept) this.drawNote.textContent = say("not_stored");
    }

    #ownDigits() {
      return { images: this.mine.map((one) => one.pixels), labels: this.mine.map((one) => one.label) };
    }

    #showMine() {
      this.drawNote.textContent = this.mine.length ? say("kept", { count: this.mine.length }) : "";
      this.mineBox.replaceChildren(...this.mine.map((one) => this.#thumb(one.pixels, String(one.label), () => this.#choose(one))));
    }

    #thumb(pixels, text, act) {
      const canvas = element("canvas", { "aria-hidden": "true" });
      convlab.drawMaps(canvas, pixels, INPUT, 1);
      return element("li", {}, element("button", { type: "button", onclick: act }, canvas, text));
    }

    // ---------------------------------------------------------------- wrong ones

    #wrongSection() {
      return element("section", { "aria-labelledby": "cl-wrong" },
        element("h2", { id: "cl-wrong" }, say("wrong")),
        this.wrongTold = element("p", { id: "cl-wrong-told" }, say("wrong_none")),
        this.wrongBox = element("ul", { class: "cl-thumbs", id: "cl-wrong-box" }),
        element("div", { class: "cl-scroll", tabindex: 0, role: "group", "aria-label": say("confusion") }, this.confusion = element("table", { class: "cl-confusion" })));
    }

    #showWrong() {
      const test = this.tests.at(-1);
      if (!test) {
        this.wrongTold.textContent = say("wrong_none");
        this.wrongBox.replaceChildren();
        this.confusion.replaceChildren();
        return;
      }
      this.wrongTold.textContent = say("wrong_count", { count: grouped(test.wrongCount), test: grouped(this.digits.count) });
      this.wrongBox.replaceChildren(...test.wrong.map(({ pixels, label, guess, share, index }) => this.#thumb(
        pixels, say("wrong_one", { label, guess, share: (100 * share).toFixed(0) }), () => this.#choose({ index }))));
      const digits = Array.from({ length: CLASSES }, (_, i) => i);
      this.confusion.replaceChildren(
        element("caption", {}, say("confusion")),
        element("thead", {}, element("tr", {}, element("td"), ...digits.map((digit) => element("th", { scope: "col" }, String(digit))))),
        element("tbody", {}, ...digits.map((label) => element("tr", {}, element("th", { scope: "row" }, String(label)),
          ...digits.map((guess) => element("td", {}, test.confusion[label][guess] ? String(test.confusion[label][guess]) : "·"))))));
    }

    // ---------------------------------------------------------------- files

    #fileSection() {
      return element("section", { "aria-labelledby": "cl-file" }, element("h2", { id: "cl-file" }, say("file")), element("p", { class: "cl-note" }, say("file_intro")));
    }
  }

  /** Return 12345 as 12,345. */
  const grouped = (number) => number.toLocaleString("en-US");

  /** Return the reader's digits that this browser keeps; none where it refuses, or where they are damaged. */
  function stored() {
    try {
      const kept = JSON.parse(localStorage.getItem(STORE) ?? "[]");
      return kept.filter((one) => one.pixels?.length === 784 && one.label >= 0 && one.label < CLASSES);
    } catch (error) {
      return [];
    }
  }

  /** Keep the reader's digits in this browser; return whether it did. */
  function store(digits) {
    try {
      localStorage.setItem(STORE, JSON.stringify(digits));
      return true;
    } catch (error) {
      return false;
    }
  }

  /** Load a script, which works from a file where `fetch` does not. */
  function script(address) {
    return new Promise((resolve, reject) => {
      document.head.append(element("script", { src: address, onload: resolve, onerror: () => reject(new Error(address)) }));
    });
  }

  convlab.folder = document.currentScript?.src ?? document.baseURI;
  const place = document.getElementById("convlab-live");
  if (place) convlab.live = new LivePage(place);
});
