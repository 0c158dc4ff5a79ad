/**
 * A pad to draw a digit on, and how a drawing becomes an image like MNIST's.
 */
convlab.part(function pad(convlab) {
  "use strict";

  const PAD = 224; // pixels of the pad's side
  const PEN = 20; // width of its line: about 2.5 of MNIST's pixels

  /** A pad to draw one digit on, by mouse, finger or keyboard. */
  class Pad {
    /** @param {function(boolean): void} changed - called after every stroke, with true when the pen is lifted */
    constructor(changed) {
      this.changed = changed;
      this.canvas = document.createElement("canvas");
      Object.assign(this.canvas, { width: PAD, height: PAD, className: "cl-pad", tabIndex: 0, id: "cl-pad" });
      this.canvas.setAttribute("role", "application");
      this.canvas.setAttribute("aria-label", convlab.say("pad_label"));
      this.context = this.canvas.getContext("2d", { willReadFrequently: true });
      this.cursor = [PAD / 2, PAD / 3];
      for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
        this.canvas.addEventListener(name, (event) => this.#pointer(event));
      }
      this.canvas.addEventListener("keydown", (event) => this.#key(event));
    }

    clear() {
      this.context.clearRect(0, 0, PAD, PAD);
      this.down = false;
    }

    /** Return the drawing as MNIST was made, 784 pixels from 0 to 255; null where nothing is drawn. */
    digit() {
      const { data } = this.context.getImageData(0, 0, PAD, PAD);
      const ink = new Float32Array(PAD * PAD);
      for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i + 3];
      return centred(ink, PAD);
    }

    #pointer(event) {
      const box = this.canvas.getBoundingClientRect();
      const point = [((event.clientX - box.left) * PAD) / box.width, ((event.clientY - box.top) * PAD) / box.height];
      if (event.type === "pointerdown") {
        this.canvas.setPointerCapture?.(event.pointerId);
        this.drawing = true;
        this.last = point;
        this.#line(point, point);
      } else if (this.drawing) {
        this.#line(this.last, point);
        this.last = point;
      }
      if (event.type === "pointerup" || event.type === "pointercancel") {
        const drew = this.drawing;
        this.drawing = false;
        if (drew) this.changed(true);
      }
    }

    #key(event) {
      const step = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] }[event.key];
      if (event.key === " ") {
        this.down = !this.down;
        if (this.down) this.#line(this.cursor, this.cursor);
        this.changed(!this.down);
      } else if (step) {
        const next = this.cursor.map((value, axis) => Math.min(Math.max(value + step[axis], 8), PAD - 8));
        if (this.down) {
          this.#line(this.cursor, next);
          this.changed(false);
        }
        this.cursor = next;
      } else return;
      event.preventDefault();
    }

    #line(from, to) {
      Object.assign(this.context, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
      this.context.beginPath();
      this.context.moveTo(...from);
      this.context.lineTo(...to);
      this.context.stroke();
    }
  }

  const BOX = 20; // MNIST's digits were scaled into so many pixels
  const SIDE = 28;

  /**
   * Return ink as MNIST's digits were made: scaled into 20x20 pixels, which are then moved by whole pixels until the centre
   * of mass is as near as possible to row 14, column 14, counted from 0. (In MNIST it lies between 13.5 and 14.5.)
   * @param {Float32Array} ink - side·side values from 0 to 255
   * @param {number} side
   * @returns {?Uint8Array} null where there is no ink
   */
  function centred(ink, side) {
    let [top, bottom, left, right] = [side, -1, side, -1];
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        if (ink[row * side + column] < 32) continue;
        [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
        [left, right] = [Math.min(left, column), Math.max(right, column)];
      }
    }
    if (bottom < 0) return null;
    const scale = BOX / Math.max(bottom - top + 1, right - left + 1);
    const scaled = new Float32Array(BOX * BOX);
    let [mass, massRow, massColumn] = [0, 0, 0];
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const value = ink[row * side + column] * scale * scale; // each pad pixel's share of the area
        const [toRow, toColumn] = [Math.floor((row + 0.5 - top) * scale), Math.floor((column + 0.5 - left) * scale)];
        scaled[toRow * BOX + toColumn] += value;
        [mass, massRow, massColumn] = [mass + value, massRow + value * toRow, massColumn + value * toColumn];
      }
    }
    const [down, across] = [massRow, massColumn].map((sum) => Math.round(SIDE / 2 - sum / mass));
    const image = new Uint8Array(SIDE * SIDE);
    for (let row = Math.max(0, -down); row < BOX && row + down < SIDE; row++) {
      for (let column = Math.max(0, -across); column < BOX && column + across < SIDE; column++) {
        image[(row + down) * SIDE + column + across] = Math.min(255, Math.round(scaled[row * BOX + column]));
      }
    }
    return image;
  }

  Object.assign(convlab, { Pad, centred });
});
