/**
 * The live page: builds itself inside #convlab-live, and talks to a trainer.
 */
convlab.part(function live(convlab) {
  "use strict";
  const { element, choice, grouped, say } = convlab;

  const DIGITS = [28, 28, 1];
  const COLOURS = [32, 32, 3];
  const CLASSES = 10;
  const ENOUGH = 200000; // images after which it pauses by itself
  const LOOK_EVERY = 250; // milliseconds between two looks inside while it trains
  const LANGUAGES = { en: "English", ko: "한국어", ja: "日本語" };
  const STORE = "convlab-language";

  /** The page: its panels, and what they need to know of each other. */
  class LivePage {
    /** @param {HTMLElement} place */
    constructor(place) {
      convlab.language = chosenLanguage();
      this.place = place;
      this.source = { name: "digits" };
      this.data = null; // what the trainer has reported of the data: {shape, names, train, test}
      this.chosen = { index: 0 };
      Object.assign(this, { trainer: null, isReady: false, running: false, isBuilt: false, isLoading: false, lookedAt: 0 });
      this.training = new convlab.TrainingPanel({
        changed: (name) => this.#settingsChanged(name), start: () => this.#toggle(), step: () => this.#once(), reset: () => this.#restart("changed"),
      });
      this.editor = new convlab.Editor({
        input: DIGITS, classes: CLASSES, batchSize: () => this.training.settings.batchSize, changed: () => this.#restart("changed"),
      });
      const names = () => this.data?.names ?? convlab.range(CLASSES).map(String);
      this.inside = new convlab.InsidePanel({ names, choose: (chosen) => this.#choose(chosen) });
      this.drawing = new convlab.DrawingPanel({
        classify: (pixels) => this.#classify(pixels), saved: () => this.#digitsSaved(), choose: (chosen) => this.#choose(chosen, true),
      });
      this.wrong = new convlab.WrongPanel({ names, choose: (chosen) => this.#choose(chosen, true) });
      this.files = new convlab.FilesPanel({ save: () => this.#save(), load: (network) => this.#loadNetwork(network) });
      this.panels = [this.editor, this.training, this.drawing, this.inside, this.wrong, this.files];
      this.#draw();
      document.addEventListener("visibilitychange", () => this.#visibility());
    }

    /** How many images the network has been trained on. */
    get seen() {
      return this.training.latest?.seen ?? 0;
    }

    get #isPossible() {
      return !(this.editor.fault || this.training.fault || this.isLoading);
    }

    #draw() {
      const language = choice(Object.entries(LANGUAGES).filter(([name]) => convlab.strings[name]), {
        id: "cl-language", onchange: () => this.#translate(language.value),
      });
      language.value = convlab.language;
      const data = choice(["digits", "drawn", "cifar"].map((name) => [name, say(`data_${name}`)]), {
        id: "cl-data", onchange: () => this.#takeData(data.value),
      });
      data.value = this.source.name;
      this.cifarFile = element("input", { type: "file", id: "cl-cifar", accept: ".bin", onchange: () => this.#takeCifar() });
      this.cifarBox = element("label", { hidden: this.source.name !== "cifar" }, say("cifar_file_label"), this.cifarFile);
      this.dataNote = element("p", { class: "cl-note", id: "cl-data-note" }, say(`about_${this.source.name}`));
      this.drawing.element.hidden = this.source.name !== "digits";
      this.place.replaceChildren(element("div", { class: "cl", lang: convlab.language },
        element("p", {}, say("intro")),
        element("div", { class: "cl-row" },
          element("label", {}, say("data"), data), this.cifarBox, element("label", {}, say("language"), language)),
        this.dataNote,
        ...this.panels.map((panel) => panel.element)));
      this.#enable();
    }

    /** Show the page in another language; the training goes on. */
    #translate(language) {
      convlab.language = language;
      try {
        localStorage.setItem(STORE, language);
      } catch (error) { /* then the choice lasts as long as the page */ }
      for (const panel of this.panels) panel.draw();
      this.wrong.show(this.training.tests.at(-1) ?? null, this.data?.shape);
      this.#draw();
      this.training.show();
      document.getElementById("cl-language").focus();
    }

    #enable() {
      this.training.enable({ running: this.running, possible: this.#isPossible });
      this.files.enable(this.isBuilt);
      if (this.running && !this.#isPossible) this.#pause();
    }

    // ---------------------------------------------------------------- data

    /** Train on other images: what was learned is gone. */
    #takeData(name, bytes) {
      this.source = { name, bytes };
      this.isReady = false;
      this.data = null;
      this.chosen = { index: 0 };
      this.editor.input = name === "digits" ? DIGITS : COLOURS;
      this.editor.showSizes();
      this.#restart("waiting");
      this.cifarBox.hidden = name !== "cifar";
      this.dataNote.textContent = say(`about_${name}`);
      this.drawing.element.hidden = name !== "digits";
    }

    async #takeCifar() {
      const [file] = this.cifarFile.files;
      if (file) this.#takeData("cifar", new Uint8Array(await file.arrayBuffer()));
    }

    /** Start the trainer and give it the data; throws where there are none. */
    async #load() {
      if (this.source.name === "digits" && !convlab.digits) await convlab.runScript(convlab.beside("mnist.js"));
      if (this.source.name === "cifar" && !this.source.bytes) throw new convlab.Refusal("cifar_first");
      if (!this.trainer) {
        this.trainer = convlab.startTrainer((report) => this[`on_${report.type}`](report));
        if (!this.trainer.inWorker) this.training.note.textContent = say("in_page");
      }
      const { name, bytes } = this.source;
      this.trainer.post({ type: "data", name, bytes, packed: name === "digits" ? convlab.digits : null, seed: 0 });
      this.isReady = true;
    }

    on_data({ name, shape, names, train, test }) {
      if (name !== this.source.name) return; // of data that were replaced meanwhile
      this.data = { shape, names, train, test };
      this.training.status.textContent = say("ready", { train: grouped(train), test: grouped(test.count) });
      this.#look();
    }

    // ---------------------------------------------------------------- training

    #settingsChanged(name) {
      const { settings, fault } = this.training;
      this.editor.showSizes();
      if (name === "batchSize" || name === "seed") this.#restart("changed");
      else if (this.isBuilt && !fault) this.trainer.post({ type: "settings", ...settings });
      this.#enable();
    }

    /** Forget what was learned; the next start builds the network anew. */
    #restart(reason) {
      if (this.isBuilt) {
        this.trainer.post({ type: "pause" });
        this.training.status.textContent = say(reason);
      }
      Object.assign(this, { running: false, isBuilt: false, isLooking: false });
      this.training.clear();
      this.training.show();
      this.inside.clear();
      this.wrong.show(null);
      this.#enable();
    }

    #toggle() {
      if (this.running) this.#pause();
      else {
        this.#withNetwork(() => {
          this.running = true;
          this.trainer.post({ type: "run", images: ENOUGH });
          if (this.data) this.training.status.textContent = say("running");
          this.#enable();
        });
      }
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
      if (!document.hidden || !this.running) return;
      this.#pause();
      this.training.status.textContent = say("hidden");
    }

    /** Call `then` when there are data, a trainer and a network; say why where there cannot be. */
    async #withNetwork(then) {
      if (!this.#isPossible) return;
      if (!this.isReady) {
        this.isLoading = true;
        this.training.status.textContent = say("loading");
        this.#enable();
        try {
          await this.#load();
        } catch (error) {
          this.training.status.textContent = error.key ? convlab.message(error) : say("no_digits");
          return;
        } finally {
          this.isLoading = false;
          this.#enable();
        }
      }
      if (!this.isBuilt) this.#build();
      then();
    }

    #build() {
      const { rule, learningRate, batchSize, seed, shift, fall, average } = this.training.settings;
      const options = { rule, learningRate, batchSize, seed, input: this.editor.input, classes: CLASSES };
      this.build = (this.build ?? 0) + 1;
      this.trainer.post({ type: "build", build: this.build, layers: this.editor.layers, options, shift, fall, average });
      this.trainer.post({ type: "mine", ...this.drawing.digits() });
      this.isBuilt = true;
      this.#enable();
    }

    /** Whether a report is of the network that the page shows, not of one that is gone. */
    #isCurrent(report) {
      return this.isBuilt && report.build === this.build;
    }

    on_built({ wasm }) {
      if (!wasm) this.training.note.textContent = say("no_wasm");
    }

    on_refused(error) {
      if (error.request === "data") Object.assign(this, { isReady: false, isBuilt: false });
      this.running = false;
      this.training.status.textContent = convlab.message(error);
      this.#enable();
    }

    on_report(report) {
      if (!this.#isCurrent(report)) return;
      this.training.report(report);
      if (performance.now() - this.lookedAt > LOOK_EVERY) this.#look();
    }

    on_evaluated(report) {
      if (!this.#isCurrent(report)) return;
      this.training.evaluated(report);
      this.wrong.show(report, this.data.shape);
      if (this.drawing.own) this.#classify(this.drawing.own);
      this.#look();
    }

    on_paused(report) {
      if (!this.#isCurrent(report)) return;
      const seen = grouped(report.seen);
      if (this.running) this.training.status.textContent = say("enough", { seen });
      else if (!document.hidden) this.training.status.textContent = say("stopped", { seen });
      this.running = false;
      this.#enable();
      this.#look();
    }

    // ---------------------------------------------------------------- one image

    /** Look at another image: a test image by its index, or pixels with a label; `show` goes there. */
    #choose(chosen, show = false) {
      if ("index" in chosen) {
        const count = this.data?.test.count ?? 1;
        const index = (((Math.trunc(chosen.index) || 0) % count) + count) % count;
        this.inside.index.value = index;
        this.chosen = { index };
      } else this.chosen = chosen;
      this.#look();
      if (show) this.inside.element.scrollIntoView({ block: "start" });
    }

    #image() {
      if (this.chosen.pixels) return this.chosen;
      const { shape, test } = this.data;
      const size = convlab.product(shape);
      const { index } = this.chosen;
      return { pixels: test.images.slice(index * size, (index + 1) * size), label: test.labels[index] };
    }

    #look() {
      if (!this.isBuilt || !this.data) return;
      if (this.isLooking) {
        this.looksAgain = true;
        return;
      }
      this.isLooking = true;
      this.looksAgain = false;
      this.lookedAt = performance.now();
      const { pixels, label } = this.#image();
      this.trainer.post({ type: "look", pixels, label });
    }

    on_looked(report) {
      if (!this.#isCurrent(report)) return;
      this.isLooking = false;
      const { layers, input } = this.editor;
      this.inside.looked(report, { rows: convlab.count(layers, input), input, label: report.label });
      if (this.looksAgain) this.#look();
    }

    /** Ask what the network says of a drawn digit; a network that has not begun says so with its first weights. */
    #classify(pixels) {
      this.#withNetwork(() => this.trainer.post({ type: "classify", pixels }));
    }

    on_classified(report) {
      if (this.#isCurrent(report)) this.drawing.classified(report.shares);
    }

    #digitsSaved() {
      if (!this.isBuilt) return;
      this.trainer.post({ type: "mine", ...this.drawing.digits() });
      this.trainer.post({ type: "evaluate" });
    }

    // ---------------------------------------------------------------- files

    #save() {
      this.trainer.post({ type: "weights" });
    }

    on_weights(report) {
      if (!this.#isCurrent(report)) return;
      const { layers, input } = this.editor;
      this.saved = convlab.writeNetwork({ layers, input, classes: CLASSES, scale: report.scale }, report.weights);
      convlab.download(this.saved, "network.npz");
    }

    /** Take a network with its weights; a `Refusal` where it takes other images. */
    async #loadNetwork({ layers, input, weights }) {
      const shape = this.editor.input;
      if (String(input) !== String(shape)) {
        throw new convlab.Refusal("other_images", { shape: convlab.by(input), expected: convlab.by(shape) });
      }
      convlab.checked(layers, input, CLASSES, this.training.settings.batchSize);
      this.editor.take(layers);
      await this.#withNetwork(() => this.trainer.post({ type: "setWeights", weights }));
    }
  }

  /** Return the language that was chosen before, or the first that the browser asks for and the page has. */
  function chosenLanguage() {
    let saved = null;
    try {
      saved = localStorage.getItem(STORE);
    } catch (error) { /* refused: then the browser's own */ }
    const wanted = [saved, ...(navigator.languages ?? [])].filter(Boolean).map((name) => name.slice(0, 2));
    return wanted.find((name) => convlab.strings[name]) ?? "en";
  }

  const place = document.getElementById("convlab-live");
  if (place) convlab.live = new LivePage(place);
});
