/**
 * Pictures on canvases: curves, images, feature maps, filters.
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
    const last = most.toLocaleString("en-US");
    context.fillText(last, width - right - context.measureText(last).width, height - 6);
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
   * @returns {{low: number, high: number, place: function(number, number, number): number[], at: function(number, number): ?object}}
   *   `place(channel, row, column)` is [left, top] of a value in canvas pixels; `at(left, top)` is the value there
   */
  function drawMaps(canvas, values, shape, zoom) {
    const [height, width, channels] = shape.length === 3 ? shape : [1, 1, shape[0]];
    const gap = shape.length === 3 ? 1 : 0;
    const scale = zoom ?? Math.max(1, Math.min(width === 1 ? 10 : 4, Math.floor(84 / width)));
    const perLine = Math.max(1, Math.min(channels, Math.floor(640 / ((width + gap) * scale))));
    const lines = Math.ceil(channels / perLine);
    const place = (channel, row, column) => [
      (channel % perLine) * (width + gap) + column, Math.floor(channel / perLine) * (height + gap) + row,
    ];
    const at = (left, top) => {
      const channel = Math.floor(top / (height + gap)) * perLine + Math.floor(left / (width + gap));
      const [row, column] = [Math.floor(top % (height + gap)), Math.floor(left % (width + gap))];
      const isOne = left >= 0 && left < perLine * (width + gap) && channel >= 0 && channel < channels;
      return isOne && row < height && column < width ? { channel, row, column } : null;
    };
    const { low, high, colour } = colours(values);
    paint(canvas, lines * (height + gap) - gap, perLine * (width + gap) - gap, scale, (put) => {
      for (let channel = 0; channel < channels; channel++) {
        for (let row = 0; row < height; row++) {
          for (let column = 0; column < width; column++) {
            const [left, top] = place(channel, row, column);
            put(top, left, colour(values[(row * width + column) * channels + channel]));
          }
        }
      }
    });
    return { low, high, place, at };
  }

  /** Draw an image of pixels from 0 to 255, grey or in colour. */
  function drawImage(canvas, pixels, [height, width, channels], zoom = 1) {
    paint(canvas, height, width, zoom, (put) => {
      for (let i = 0; i < height * width; i++) {
        const colour = channels === 3 ? [pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]] : Array(3).fill(pixels[i]);
        put(Math.floor(i / width), i % width, colour);
      }
    });
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

  /** Return a list item with a small picture that acts when it is pressed. */
  function thumbnail(pixels, shape, text, act) {
    const canvas = convlab.element("canvas", { "aria-hidden": "true" });
    drawImage(canvas, pixels, shape);
    return convlab.element("li", {}, convlab.element("button", { type: "button", onclick: act }, canvas, text));
  }

  Object.assign(convlab, { drawCurves, drawMaps, drawImage, drawFilters, thumbnail });
});
