/**
 * The drawing page: log in, draw, see the answer and where its evidence lies.
 * The tokens live in this page's memory alone: no cookie, no storage that another script could read later.
 */
(function page() {
  "use strict";

  const get = (id) => document.getElementById(id);
  const pad = get("pad").getContext("2d", { willReadFrequently: true });
  const SIDE = 280;
  let tokens = null;
  let asked = 0;

  /** Ask the service, once more with a new token if the old one has expired; an answer that is no success is thrown. */
  async function ask(path, options = {}, again = true) {
    const headers = { ...options.headers };
    if (tokens) headers.Authorization = `Bearer ${tokens.token}`;
    const response = await fetch(path, { ...options, headers });
    if (response.status === 401 && tokens && again) {
      const renewed = await fetch("/refresh", json({ refresh: tokens.refresh }));
      if (renewed.ok) {
        tokens = await renewed.json();
        return ask(path, options, false);
      }
      leave();
    }
    const answer = response.status === 204 ? null : await response.json();
    if (!response.ok) throw new Error(answer.detail);
    return answer;
  }

  function json(body) {
    return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  }

  /** Run something, and show what it says if it fails. */
  async function attempt(action) {
    get("message").textContent = "";
    try {
      await action();
    } catch (error) {
      get("message").textContent = error instanceof TypeError ? "The service cannot be reached." : error.message;
    }
  }

  function leave() {
    tokens = null;
    get("work").hidden = true;
    get("login").hidden = false;
    clear();
  }

  function clear() {
    pad.fillStyle = "#000";
    pad.fillRect(0, 0, SIDE, SIDE);
    get("heat").getContext("2d").clearRect(0, 0, SIDE, SIDE);
    get("label").textContent = "";
    get("shares").tBodies[0].replaceChildren();
    asked += 1; // an answer that is on its way is not shown any more
  }

  async function predict() {
    const number = ++asked;
    const blob = await new Promise((resolve) => get("pad").toBlob(resolve, "image/png"));
    await attempt(async () => {
      const answer = await ask("/predict", { method: "POST", headers: { "Content-Type": "image/png" }, body: blob });
      if (number === asked) show(answer);
    });
  }

  function show(answer) {
    get("label").textContent = answer.label;
    const rows = answer.probabilities.map((share, label) => {
      const row = document.createElement("tr");
      const bar = document.createElement("progress");
      bar.value = share;
      bar.setAttribute("aria-label", `share of ${label}`);
      const cells = [String(label), bar, `${(100 * share).toFixed(1)} %`].map((content) => {
        const cell = document.createElement("td");
        cell.append(content);
        return cell;
      });
      row.append(...cells);
      return row;
    });
    get("shares").tBodies[0].replaceChildren(...rows);
    heatMap(answer.image, answer.heat);
  }

  /** Draw the image in grey and the heat above it in orange. */
  function heatMap(image, heat) {
    const size = image.length;
    const small = new OffscreenCanvas(size, size);
    const pixels = small.getContext("2d").createImageData(size, size);
    const most = Math.max(1e-9, ...heat.flat());
    image.forEach((line, row) => line.forEach((grey, column) => {
      const place = [row, column].map((at) => Math.floor((at * heat.length) / size));
      const share = 0.7 * (heat[place[0]][place[1]] / most);
      [230, 120, 0].forEach((colour, channel) => {
        pixels.data[4 * (row * size + column) + channel] = (1 - share) * grey + share * colour;
      });
      pixels.data[4 * (row * size + column) + 3] = 255;
    }));
    small.getContext("2d").putImageData(pixels, 0, 0);
    const canvas = get("heat").getContext("2d");
    canvas.imageSmoothingEnabled = false;
    canvas.drawImage(small, 0, 0, SIDE, SIDE);
  }

  function line(from, to) {
    Object.assign(pad, { lineWidth: 22, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
    pad.beginPath();
    pad.moveTo(...from);
    pad.lineTo(...to);
    pad.stroke();
  }

  function listen() {
    let last = null;
    let pen = { at: [SIDE / 2, SIDE / 2], down: false };
    const canvas = get("pad");
    const point = (event) => {
      const box = canvas.getBoundingClientRect();
      return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      last = point(event);
      line(last, last);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      const next = point(event);
      line(last, next);
      last = next;
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => {
        if (last) predict();
        last = null;
      });
    }
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] }[event.key];
      if (event.key === " ") {
        pen = { ...pen, down: !pen.down };
        if (!pen.down) predict();
      } else if (step) {
        const next = pen.at.map((value, axis) => Math.min(Math.max(value + step[axis], 10), SIDE - 10));
        if (pen.down) line(pen.at, next);
        pen = { ...pen, at: next };
      } else return;
      event.preventDefault();
    });
    get("clear").addEventListener("click", clear);
    get("logout").addEventListener("click", () => attempt(async () => {
      await ask("/logout", { method: "POST" });
      leave();
    }));
    get("login").addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(async () => {
        const body = { user: get("user").value, password: get("password").value };
        get("password").value = "";
        tokens = await ask("/login", json(body));
        get("login").hidden = true;
        get("work").hidden = false;
      });
    });
  }

  listen();
  clear();
})();
