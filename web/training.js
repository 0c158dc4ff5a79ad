/**
 * The panel of training: its settings, its buttons, its figures and its curves.
 */
convlab.part(function training(convlab) {
  "use strict";
  const { element, button, choice, grouped, percent, say } = convlab;

  const FIGURES = ["seen", "loss", "accuracy_train", "accuracy_test", "accuracy_mine", "speed"];
  const NUMBERS = { learningRate: { step: "any", min: 0 }, batchSize: { min: 1, step: 1 }, seed: { min: 0, step: 1 } };
  const TICKS = ["shift", "fall", "average"];
  const MOST_POINTS = 1000; // of a curve; every other one goes then

  /** What the reader has set, and what the trainer has reported; `fault` is why these settings cannot be, or null. */
  class TrainingPanel {
    /**
     * @param {{changed: function(string): void, start: function, step: function, reset: function}} acts -
     *   `changed` gets the name of the setting
     */
    constructor(acts) {
      this.acts = acts;
      this.settings = { ...convlab.CHOSEN, seed: 0 };
      this.fault = null;
      this.clear();
      this.draw();
    }

    /** Forget the curves. */
    clear() {
      Object.assign(this, { curve: [], tests: [], latest: null });
    }

    draw() {
      const { settings } = this;
      const rule = choice(Object.keys(convlab.RULES).map((name) => [name, name]), {
        id: "cl-rule", onchange: () => this.#set("rule", rule.value),
      });
      rule.value = settings.rule;
      const number = (name) => {
        const own = element("input", {
          type: "number", id: `cl-${name}`, value: settings[name], ...NUMBERS[name],
          oninput: () => this.#set(name, own.value === "" ? "" : Number(own.value)),
        });
        return element("label", {}, say(name), own);
      };
      const tick = (name) => {
        const own = element("input", { type: "checkbox", id: `cl-${name}`, onchange: () => this.#set(name, own.checked) });
        own.checked = settings[name];
        return element("label", { class: "cl-tick" }, own, say(name));
      };
      this.figures = Object.fromEntries(FIGURES.map((name) => [name, element("dd", { id: `cl-${name}` }, "–")]));
      this.curves = Object.fromEntries(["loss", "accuracy"].map((name) => [
        name, element("canvas", { class: "cl-curve", role: "img", id: `cl-${name}-curve` })]));
      this.buttons = {
        start: button(say("start"), this.acts.start, { id: "cl-start", class: "cl-main" }),
        step: button(say("step"), this.acts.step, { id: "cl-step" }),
        reset: button(say("reset"), this.acts.reset, { id: "cl-reset" }),
      };
      this.error = element("p", { class: "cl-error", role: "alert", id: "cl-settings-error" });
      this.status = element("p", { class: "cl-note", role: "status", id: "cl-status" }, say("waiting"));
      this.note = element("p", { class: "cl-note", id: "cl-note" });
      this.element = element("section", { "aria-labelledby": "cl-training" },
        element("h2", { id: "cl-training" }, say("training")),
        element("div", { class: "cl-row" }, element("label", {}, say("rule"), rule), ...Object.keys(NUMBERS).map(number)),
        element("div", { class: "cl-row" }, ...TICKS.map(tick)),
        this.error,
        element("div", { class: "cl-row" }, ...Object.values(this.buttons)),
        this.status, this.note,
        element("dl", { class: "cl-figures" }, ...FIGURES.map((name) => (
          element("div", {}, element("dt", {}, say(name)), this.figures[name])))),
        element("div", { class: "cl-curves" }, ...Object.entries(this.curves).map(([name, canvas]) => (
          element("figure", {}, canvas, element("figcaption", {}, say(`${name}_curve`)))))));
      this.show();
    }

    #set(name, value) {
      this.settings[name] = value;
      try {
        this.fault = null;
        convlab.checkedRate(this.settings.learningRate);
        convlab.whole("batch", this.settings.batchSize);
        convlab.whole("seed", this.settings.seed, 0);
      } catch (error) {
        this.fault = error;
      }
      this.error.textContent = this.fault ? convlab.message(this.fault) : "";
      this.acts.changed(name);
    }

    /** Say what may be pressed. */
    enable({ running, possible }) {
      this.buttons.start.textContent = say(running ? "pause" : "start");
      for (const name of ["start", "step"]) this.buttons[name].disabled = !possible;
    }

    /** Take a report on the images since the last one. */
    report(report) {
      this.latest = report;
      this.curve.push(report);
      if (this.curve.length > MOST_POINTS) this.curve = this.curve.filter((_, i) => i % 2);
      this.show();
    }

    /** Take a report on the test images. */
    evaluated(report) {
      if (this.tests.at(-1)?.seen === report.seen) this.tests.pop();
      this.tests.push(report);
      if (this.tests.length > MOST_POINTS) this.tests = this.tests.filter((_, i) => i % 2);
      this.show();
    }

    show() {
      const { latest } = this;
      const test = this.tests.at(-1);
      const texts = {
        seen: grouped(latest?.seen ?? test?.seen ?? 0), loss: latest ? latest.loss.toFixed(3) : "–",
        accuracy_train: percent(latest?.accuracy), accuracy_test: percent(test?.accuracy),
        accuracy_mine: test?.mine === null ? "–" : percent(test?.mine),
        speed: latest?.speed ? grouped(Math.round(latest.speed)) : "–",
      };
      for (const [name, text] of Object.entries(texts)) this.figures[name].textContent = text;
      this.#curve("loss", null);
      this.#curve("accuracy", 1);
    }

    /** Draw one figure, of training (smoothed) and test, over the images seen. */
    #curve(name, top) {
      const train = [];
      for (const { seen, [name]: value } of this.curve) {
        const before = train.at(-1)?.value ?? value;
        train.push({ seen, value: before + 0.2 * (value - before) });
      }
      const test = this.tests.map(({ seen, [name]: value }) => ({ seen, value }));
      convlab.drawCurves(this.curves[name], [
        { points: train, label: say("curve_train"), dashed: false }, { points: test, label: say("curve_test"), dashed: true },
      ], { top });
      const last = (points) => points.at(-1)?.value.toFixed(3) ?? "–";
      this.curves[name].setAttribute("aria-label", say("curve_alt", {
        what: say(`${name}_curve`), seen: this.figures.seen.textContent, train: last(train), test: last(test),
      }));
    }
  }

  Object.assign(convlab, { TrainingPanel });
});
