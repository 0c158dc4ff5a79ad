/**
 * The panel of mistakes: the wrong ones of which the network is surest, and the table of all.
 */
convlab.part(function wrong(convlab) {
  "use strict";
  const { element, grouped, percent, range, say } = convlab;

  class WrongPanel {
    /** @param {{names: function(): string[], choose: function(object): void}} acts - `choose` gets {index} */
    constructor(acts) {
      this.acts = acts;
      this.draw();
    }

    draw() {
      this.summary = element("p", { id: "cl-wrong-summary" });
      this.box = element("ul", { class: "cl-thumbs", id: "cl-wrong-box" });
      this.table = element("table", { class: "cl-confusion" });
      this.element = element("section", { "aria-labelledby": "cl-wrong" },
        element("h2", { id: "cl-wrong" }, say("wrong")), this.summary, this.box,
        element("div", { class: "cl-scroll", tabindex: 0, role: "group", "aria-label": say("confusion") }, this.table));
      this.show(null);
    }

    /** Show a report on the test images, or that there is none. */
    show(report, shape) {
      if (!report) {
        this.summary.textContent = say("wrong_none");
        this.box.replaceChildren();
        this.table.replaceChildren();
        return;
      }
      const { wrong, wrongCount, confusion, count } = report;
      const names = this.acts.names();
      this.summary.textContent = say("wrong_count", { count: grouped(wrongCount), test: grouped(count) });
      this.box.replaceChildren(...wrong.map(({ pixels, label, guess, share, index }) => convlab.thumbnail(
        pixels, shape, say("wrong_one", { label: names[label], guess: names[guess], share: percent(share, 0) }),
        () => this.acts.choose({ index }))));
      this.table.replaceChildren(
        element("caption", {}, say("confusion")),
        element("thead", {}, element("tr", {}, element("td"), ...names.map((name) => element("th", { scope: "col" }, name)))),
        element("tbody", {}, ...range(names.length).map((label) => element("tr", {},
          element("th", { scope: "row" }, names[label]),
          ...range(names.length).map((guess) => element("td", {}, confusion[label][guess] ? String(confusion[label][guess]) : "·"))))));
    }
  }

  Object.assign(convlab, { WrongPanel });
});
