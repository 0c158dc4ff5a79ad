/**
 * The editor of layers: a row each, with its output size, parameters and multiply-adds, or why it cannot be.
 */
convlab.part(function editor(convlab) {
  "use strict";
  const { element, button, choice, grouped, range, say, by, Refusal } = convlab;

  const conv = (filters, kernelSize, padding = "valid") => ({ kind: "Conv2D", filters, kernelSize, stride: 1, padding });
  const pool = (padding = "valid") => ({ kind: "MaxPool2D", size: 2, stride: 2, padding });
  const dense = (units) => ({ kind: "Dense", units });
  const relu = () => ({ kind: "ReLU" });
  const flatten = () => ({ kind: "Flatten" });
  const norm = () => ({ kind: "BatchNorm", momentum: 0.9 });

  /** Networks to start from. */
  const PRESETS = {
    small: () => [conv(8, 5), relu(), pool(), conv(16, 5), relu(), pool(), flatten(), dense(10)],
    norm: () => [conv(8, 5), norm(), relu(), pool(), conv(16, 5), norm(), relu(), pool(), flatten(), dense(10)],
    lecture: () => [
      ...[32, 64, 128].flatMap((maps) => [conv(maps, 3, "same"), relu(), pool("same")]),
      flatten(), dense(625), relu(), { kind: "Dropout", rate: 0.5 }, dense(10),
    ],
    colour: () => [...[16, 20, 20].flatMap((maps) => [conv(maps, 5, "same"), relu(), pool()]), flatten(), dense(10)],
    dense: () => [flatten(), dense(128), relu(), dense(10)],
  };

  /** What a reader may set of each kind of layer. */
  const FIELDS = {
    Conv2D: ["filters", "kernelSize", "stride", "padding"], MaxPool2D: ["size", "stride", "padding"],
    AvgPool2D: ["size", "stride", "padding"], Dense: ["units"], Dropout: ["rate"], BatchNorm: ["momentum"],
  };
  const SHARES = new Set(["rate", "momentum"]);

  /** Layers as a table that can be edited; `layers`, `fault` (null where the network can be) and `element`. */
  class Editor {
    /**
     * @param {{input: number[], classes: number, batchSize: function(): number, changed: function(): void}} about -
     *   `changed` is called after every change, once sizes and fault are known
     */
    constructor({ input, classes, batchSize, changed }) {
      Object.assign(this, { input, classes, batchSize, changed, layers: PRESETS.small() });
      this.draw();
    }

    /** Build the elements, in the page's language. */
    draw() {
      this.preset = choice(Object.keys(PRESETS).map((name) => [name, say(`preset_${name}`)]), {
        id: "cl-preset", onchange: () => this.take(PRESETS[this.preset.value]()),
      });
      this.kind = choice(Object.keys(convlab.KINDS).map((kind) => [kind, kind]), { id: "cl-kind" });
      this.after = choice([], { id: "cl-after" });
      this.table = element("table", { class: "cl-layers" });
      this.error = element("p", { class: "cl-error", role: "alert", id: "cl-network-error" });
      this.element = element("section", { "aria-labelledby": "cl-network" },
        element("h2", { id: "cl-network" }, say("network")),
        element("div", { class: "cl-row" }, element("label", {}, say("network_start"), this.preset)),
        element("div", { class: "cl-scroll", tabindex: 0, role: "group", "aria-label": say("network") }, this.table),
        element("div", { class: "cl-row" },
          element("label", {}, say("add_kind"), this.kind), element("label", {}, say("add_place"), this.after),
          button(say("add"), () => this.#add(), { id: "cl-add" })),
        this.error);
      this.#showRows();
    }

    /** Take other layers. */
    take(layers) {
      this.layers = layers;
      this.#showRows();
      this.changed();
    }

    #add() {
      const place = Number(this.after.value);
      const layer = { kind: this.kind.value, ...convlab.KINDS[this.kind.value].usual };
      this.take([...this.layers.slice(0, place), layer, ...this.layers.slice(place)]);
    }

    #move(place, by) {
      const layers = [...this.layers];
      [layers[place], layers[place + by]] = [layers[place + by], layers[place]];
      this.take(layers);
      this.table.tBodies[0].rows[place + by].querySelector(by < 0 ? ".cl-up" : ".cl-down").focus();
    }

    #showRows() {
      const head = ["layer", "settings", "output", "parameters", "macs", "change"];
      const numbers = new Set(["parameters", "macs"]);
      const columns = head.map((name) => (
        element("th", { scope: "col", class: numbers.has(name) ? "cl-number" : null }, say(name))));
      this.table.replaceChildren(
        element("thead", {}, element("tr", {}, ...columns)),
        element("tbody", {}, ...this.layers.map((layer, place) => this.#row(layer, place))),
        element("tfoot"),
      );
      const count = this.layers.length;
      const chosen = this.after.value === "" ? count - 2 : Number(this.after.value);
      this.after.replaceChildren(...range(count + 1).map((place) => (
        element("option", { value: place }, place ? `${place} ${this.layers[place - 1].kind}` : say("image")))));
      this.after.value = String(Math.min(Math.max(chosen, 0), count));
      this.showSizes();
    }

    #row(layer, place) {
      const n = place + 1;
      const act = (name, sign, run, disabled) => button(sign, run, {
        class: `cl-${name}`, "aria-label": say(name, { n }), title: say(name, { n }), disabled,
      });
      return element("tr", {},
        element("th", { scope: "row" }, `${n} ${layer.kind}`),
        element("td", {}, element("div", { class: "cl-fields" },
          ...(FIELDS[layer.kind] ?? []).map((field) => this.#field(layer, field, n)))),
        element("td", { "data-label": say("output"), class: "cl-output" }),
        element("td", { "data-label": say("parameters"), class: "cl-number" }),
        element("td", { "data-label": say("macs"), class: "cl-number" }),
        element("td", {},
          act("up", "↑", () => this.#move(place, -1), place === 0), " ",
          act("down", "↓", () => this.#move(place, 1), place === this.layers.length - 1), " ",
          act("remove", "✕", () => this.take(this.layers.filter((_, other) => other !== place)))));
    }

    #field(layer, field, n) {
      const attributes = { "aria-label": say("field_of", { field: say(`field_${field}`), n, kind: layer.kind }) };
      const change = (value) => {
        layer[field] = value;
        this.showSizes();
        this.changed();
      };
      let own;
      if (field === "padding") {
        own = choice(["valid", "same"].map((name) => [name, name]), { ...attributes, onchange: () => change(own.value) });
        own.value = layer.padding;
      } else {
        own = element("input", {
          ...attributes, type: "number", value: layer[field], step: SHARES.has(field) ? 0.05 : 1, min: SHARES.has(field) ? 0 : 1,
          oninput: () => change(own.value === "" ? "" : Number(own.value)),
        });
      }
      return element("label", {}, say(`field_${field}`), own);
    }

    /** Fill in sizes, parameters and products, or say at which layer the network fails, and why. */
    showSizes() {
      let counted;
      try {
        this.fault = null;
        counted = convlab.checked(this.layers, this.input, this.classes, this.batchSize());
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        this.fault = error;
        counted = error.rows ?? [];
      }
      for (const [place, row] of [...this.table.tBodies[0].rows].entries()) {
        const [, , output, parameters, macs] = row.cells;
        const known = counted[place];
        const isFault = this.fault?.place === place;
        output.classList.toggle("cl-error", isFault);
        output.textContent = known ? by(known.output) : isFault ? convlab.message(this.fault) : "";
        parameters.textContent = known ? grouped(known.count) : "";
        macs.textContent = known ? grouped(known.macs) : "";
      }
      const sum = (name) => grouped(counted.reduce((all, row) => all + row[name], 0));
      this.table.tFoot.replaceChildren(element("tr", {},
        element("th", { scope: "row" }, say("total")), element("td"), element("td"),
        element("td", { class: "cl-number", "data-label": say("parameters") }, sum("count")),
        element("td", { class: "cl-number", "data-label": say("macs") }, sum("macs")), element("td")));
      this.error.textContent = this.fault ? convlab.message(this.fault) : "";
    }
  }

  Object.assign(convlab, { Editor, PRESETS });
});
