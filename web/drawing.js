/**
 * Pictures on canvases: curves, feature maps, filters; and the pad that a digit is drawn on.
 */
convlab.part(function drawing(convlab) {
  "use strict";

  /**
   * Draw curves over the images seen.
   * @param {HTMLCanvasElement} canvas
   * @param {{points: {seen: number, value: number}[], label: string, dashed: boolean}[]} curves
   * @param {{top: ?number}} options - the largest value; by default that of the curves
   */
  function drawCurves(canvas, curves, { top = null } = {}) {
    const scale = globalThis.devicePixelRatio || 1;
    const width = canvas.clientWidth || 320;
    const height = canvas.clientHeight || 190;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const style = getComputedStyle(canvas);
    const colours = [style.getPropertyValue("--cl-brand") || "#0b5394", style.getPropertyValue("--cl-orange") || "#b34700"];
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const all = curves.flatMap((curve) => curve.points);
    const most = Math.max(1, ...all.map((point) => point.seen));
    const high = top ?? Math.max(0.1, ...all.map((point) => point.value));
    const [left, right, above, below] = [40, 10, 10, 22];
    const x = (seen) => left + ((width - left - right) * seen) / most;
    const y = (value) => above + (height - above - below) * (1 - Math.min(value / high, 1));
    context.font = "12px sans-serif";
    context.fillStyle = context.strokeStyle = style.color;
    context.lineWidth = 0.5;
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      context.globalAlpha = 0.4;
      context.beginPath();
      context.moveTo(left, y(high * share));
      context.lineTo(width - right, y(high * share));
      context.stroke();
      context.globalAlpha = 1;
      context.fillText((high * share).toPrecision(2), 4, y(high * share) + 4);
    }
    const told = most.toLocaleString("en-US");
    context.fillText(told, width - right - context.measureText(told).width, height - 6);
    for (const [i, { points, label, dashed }] of curves.entries()) {
      context.strokeStyle = context.fillStyle = colours[i];
      context.lineWidth = 2;
      context.setLineDash(dashed ? [6, 4] : []);
      context.beginPath();
      for (const { seen, value } of points) context.lineTo(x(seen), y(value));
      context.stroke();
      context.setLineDash([]);
      if (dashed) for (const { seen, value } of points) context.fillRect(x(seen) - 2, y(value) - 2, 4, 4);
      context.fillText(label, left + 10 + 90 * i, height - 6);
    }
  }

  /**
   * Draw the channels of a map side by side, or numbers in a row as one line.
   * @param {HTMLCanvasElement} canvas
   * @param {ArrayLike<number>} values - height·width·channels, the channel last
   * @param {number[]} shape
   * @param {number} [zoom] - screen pixels per value; chosen by size otherwise
   * @returns {{low: number, high: number}}
   */
  function drawMaps(canvas, values, shape, zoom) {
    const [height, width, channels] = shape.length === 3 ? shape : [1, 1, shape[0]];
    const gap = shape.length === 3 ? 1 : 0;
    const scale = zoom ?? Math.max(1, Math.min(width === 1 ? 8 : 3, Math.floor(84 / width)));
    const perLine = Math.max(1, Math.min(channels, Math.floor(640 / ((width + gap) * scale))));
    const tile = (channel) => [
      Math.floor(channel / perLine) * (height + gap), (channel % perLine) * (width + gap),
    ];
    const lines = Math.ceil(channels / perLine);
    const { low, high, colour } = colours(values);
    paint(canvas, lines * (height + gap) - gap, perLine * (width + gap) - gap, scale, (put) => {
      for (let channel = 0; channel < channels; channel++) {
        const [top, left] = tile(channel);
        for (let row = 0; row < height; row++) {
          for (let column = 0; column < width; column++) {
            put(top + row, left + column, colour(values[(row * width + column) * channels + channel]));
          }
        }
      }
    });
    return { low, high };
  }

  /** Draw kernels (KH, KW, C, F): a column per filter, a line per channel it reads. */
  function drawFilters(canvas, values, [height, width, channels, filters]) {
    const shownChannels = Math.min(channels, 16);
    const shown = Math.min(filters, 64);
    const { low, high, colour } = colours(values, true);
    const scale = Math.max(2, Math.min(8, Math.floor(640 / (shown * (width + 1)))));
    paint(canvas, shownChannels * (height + 1) - 1, shown * (width + 1) - 1, scale, (put) => {
      for (let f = 0; f < shown; f++) {
        for (let c = 0; c < shownChannels; c++) {
          for (let row = 0; row < height; row++) {
            for (let column = 0; column < width; column++) {
              put(c * (height + 1) + row, f * (width + 1) + column, colour(values[((row * width + column) * channels + c) * filters + f]));
            }
          }
        }
      }
    });
    return { low, high };
  }

  /** Return the range of values and a colour for each: grey where none is negative, blue to orange around 0 otherwise. */
  function colours(values, signed = false) {
    let low = Infinity;
    let high = -Infinity;
    for (const value of values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    const most = Math.max(-low, high) || 1;
    if (low >= 0 && !signed) {
      return { low, high, colour: (value) => { const grey = (255 * value) / (high || 1); return [grey, grey, grey]; } };
    }
    const colour = (value) => {
      const share = value / most;
      return share >= 0 ? [255, 255 - 115 * share, 255 - 255 * share] : [255 + 244 * share, 255 + 172 * share, 255 + 107 * share];
    };
    return { low, high, colour };
  }

  /** Let `fill(put)` set the pixels of a picture, then show each `scale` pixels wide. */
  function paint(canvas, height, width, scale, fill) {
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const wide = `${width * scale}px`;
    if (scale > 1 && canvas.style.width !== wide) canvas.style.width = wide;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    fill((row, column, [red, green, blue]) => {
      const at = 4 * (row * width + column);
      image.data[at] = red;
      image.data[at + 1] = green;
      image.data[at + 2] = blue;
      image.data[at + 3] = 255;
    });
    context.putImageData(image, 0, 0);
  }

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

  /**
   * Return ink as MNIST's digits were made: fitted into 20x20 pixels, centre of mass in the middle of 28x28.
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
    const scale = 20 / Math.max(bottom - top + 1, right - left + 1);
    let [mass, massRow, massColumn] = [0, 0, 0];
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const value = ink[row * side + column];
        [mass, massRow, massColumn] = [mass + value, massRow + value * (row + 0.5), massColumn + value * (column + 0.5)];
      }
    }
    const [row0, column0] = [massRow / mass, massColumn / mass];
    const sums = new Float32Array(784);
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const toRow = Math.floor(14 + (row + 0.5 - row0) * scale);
        const toColumn = Math.floor(14 + (column + 0.5 - column0) * scale);
        if (toRow < 0 || toRow > 27 || toColumn < 0 || toColumn > 27) continue;
        sums[toRow * 28 + toColumn] += ink[row * side + column] * scale * scale; // each pad pixel's share of the area
      }
    }
    return Uint8Array.from(sums, (sum) => Math.min(255, Math.round(sum)));
  }

  Object.assign(convlab, { drawCurves, drawMaps, drawFilters, Pad, centred });
});
