/**
 * The panel of files: save the network, load one, take one that the course has trained.
 */
convlab.part(function files(convlab) {
  "use strict";
  const { element, button, say } = convlab;

  /** The trained networks beside the page, as coursekit.publishing.live packs them. */
  const TRAINED = ["mnist-deep", "mnist-994"];

  class FilesPanel {
    /**
     * @param {{save: function(): void, load: function(object): Promise<void>}} acts - `load` gets {layers, input,
     *   weights}, and refuses what does not fit
     */
    constructor(acts) {
      this.acts = acts;
      this.draw();
    }

    draw() {
      const file = element("input", { type: "file", id: "cl-load", accept: ".npz", onchange: async () => {
        const [chosen] = file.files;
        file.value = "";
        if (chosen) await this.#load(chosen.name, async () => new Uint8Array(await chosen.arrayBuffer()));
      } });
      this.saveButton = button(say("save"), this.acts.save, { id: "cl-save" });
      this.note = element("p", { class: "cl-note", role: "status", id: "cl-file-note" });
      this.element = element("section", { "aria-labelledby": "cl-file" },
        element("h2", { id: "cl-file" }, say("file")),
        element("p", { class: "cl-note" }, say("file_intro")),
        element("div", { class: "cl-row" }, this.saveButton, element("label", {}, say("load"), file)),
        element("p", { class: "cl-note" }, say("trained_intro")),
        element("div", { class: "cl-row" }, ...TRAINED.map((name) => (
          button(say(`trained_${name}`), () => this.#load(name, () => convlab.packaged(name)), { id: `cl-${name}` })))),
        this.note);
    }

    enable(isTrained) {
      this.saveButton.disabled = !isTrained;
    }

    /** Load what `read` returns; whatever is wrong with it, the present network stays. */
    async #load(name, read) {
      try {
        await this.acts.load(await convlab.readNetwork(await read()));
        this.note.textContent = say("loaded", { name });
      } catch (error) {
        this.note.textContent = say("not_loaded", { name, reason: convlab.message(error) });
      }
    }
  }

  Object.assign(convlab, { FilesPanel });
});
