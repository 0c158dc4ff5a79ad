/**
 * The panel to draw a digit: what the network sees of it, what it says, and the digits that the reader has saved.
 */
convlab.part(function drawn(convlab) {
  "use strict";
  const { element, button, choice, percent, largest, range, say } = convlab;

  const SHAPE = [28, 28, 1];
  const CLASSES = 10;
  const STORE = "convlab-digits";

  class DrawingPanel {
    /**
     * @param {{classify: function(Uint8Array): void, saved: function(): void, choose: function(object): void}} acts -
     *   `classify` gets a digit when a stroke has ended; `choose` gets {pixels, label}
     */
    constructor(acts) {
      this.acts = acts;
      this.mine = stored();
      this.own = null;
      this.draw();
    }

    draw() {
      this.own = null;
      this.pad = new convlab.Pad(() => this.#drawn());
      this.seen = element("canvas", { class: "cl-maps", style: "width: 112px", role: "img", "aria-label": say("as_seen") });
      this.shares = element("table", { class: "cl-shares", id: "cl-shares" });
      this.label = choice(range(CLASSES).map((digit) => [digit, digit]), { id: "cl-digit-label" });
      this.note = element("p", { class: "cl-note", role: "status", id: "cl-draw-note" });
      this.box = element("ul", { class: "cl-thumbs", id: "cl-mine" });
      this.element = element("section", { "aria-labelledby": "cl-draw" },
        element("h2", { id: "cl-draw" }, say("draw")),
        element("p", { class: "cl-note" }, say("draw_intro")),
        element("div", { class: "cl-views" }, this.pad.canvas,
          element("figure", {}, this.seen, element("figcaption", {}, say("as_seen"))), this.shares),
        element("div", { class: "cl-row" },
          button(say("clear"), () => this.clear(), { id: "cl-clear" }),
          element("label", {}, say("digit_is"), this.label),
          button(say("save_digit"), () => this.#saveDigit(), { id: "cl-save-digit" }),
          button(say("look_inside"), () => this.#look(), { id: "cl-look-drawn" }),
          button(say("delete_digits"), () => this.#change([]), { id: "cl-delete-digits" })),
        this.note, this.box);
      this.#show();
      convlab.drawImage(this.seen, new Uint8Array(784), SHAPE);
    }

    /** The saved digits, as the trainer takes them. */
    digits() {
      return { images: this.mine.map((one) => one.pixels), labels: this.mine.map((one) => one.label) };
    }

    clear() {
      this.pad.clear();
      this.#drawn();
    }

    #drawn() {
      this.own = this.pad.digit();
      convlab.drawImage(this.seen, this.own ?? new Uint8Array(784), SHAPE);
      if (!this.own) this.shares.replaceChildren();
      else {
        this.note.textContent = "";
        this.acts.classify(this.own);
      }
    }

    /** Show the shares that the network gives to the drawn digit. */
    classified(shares) {
      if (!this.own) return;
      const best = largest([...shares]);
      const head = element("tr", {}, element("th", { scope: "col" }, say("digit")), element("th", { scope: "col", colspan: 2 }, say("share")));
      this.shares.replaceChildren(
        element("thead", { class: "cl-hidden" }, head),
        element("tbody", {}, ...Array.from(shares, (share, digit) => element("tr", { class: digit === best ? "cl-best" : null },
          element("th", { scope: "row" }, String(digit)),
          element("td", { class: "cl-bars" }, element("span", { class: "cl-bar", style: `width: ${(100 * share).toFixed(1)}%` })),
          element("td", { class: "cl-number" }, percent(share, 0))))));
    }

    #saveDigit() {
      if (!this.own) this.note.textContent = say("draw_first");
      else {
        this.#change([...this.mine, { pixels: [...this.own], label: Number(this.label.value) }]);
        this.clear();
      }
    }

    #look() {
      if (!this.own) this.note.textContent = say("draw_first");
      else this.acts.choose({ pixels: this.own, label: Number(this.label.value) });
    }

    #change(digits) {
      this.mine = digits;
      const isStored = store(digits);
      this.#show();
      if (!isStored) this.note.textContent = say("not_stored");
      this.acts.saved();
    }

    #show() {
      this.note.textContent = this.mine.length ? say("digits_saved", { count: this.mine.length }) : "";
      this.box.replaceChildren(...this.mine.map((one) => (
        convlab.thumbnail(one.pixels, SHAPE, String(one.label), () => this.acts.choose(one)))));
    }
  }

  /** Return the reader's digits that this browser has stored; none where it refuses, or where they are damaged. */
  function stored() {
    try {
      const saved = JSON.parse(localStorage.getItem(STORE) ?? "[]");
      return saved.filter(({ pixels, label }) => (
        Array.isArray(pixels) && pixels.length === 784 && pixels.every((pixel) => pixel >= 0 && pixel <= 255)
        && Number.isInteger(label) && label >= 0 && label < CLASSES));
    } catch (error) {
      return [];
    }
  }

  /** Store the reader's digits in this browser; return whether it did. */
  function store(digits) {
    try {
      localStorage.setItem(STORE, JSON.stringify(digits));
      return true;
    } catch (error) {
      return false;
    }
  }

  Object.assign(convlab, { DrawingPanel });
});
