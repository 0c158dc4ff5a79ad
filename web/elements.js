/**
 * Small help for pages that are built by script: elements, numbers in words, scripts and files.
 */
convlab.part(function elements(convlab) {
  "use strict";

  /**
   * Return an element: `element("button", { class: "a", onclick: f }, "text", child)`.
   * An attribute that is false, null or undefined is left out; `on...` listens; children of null are left out.
   */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  /** Return a button. */
  function button(text, act, attributes = {}) {
    return element("button", { type: "button", onclick: act, ...attributes }, text);
  }

  /** Return a select with these [value, text] pairs. */
  function choice(pairs, attributes = {}) {
    return element("select", attributes, ...pairs.map(([value, text]) => element("option", { value }, text)));
  }

  /** Return 12345 as 12,345. */
  const grouped = (number) => number.toLocaleString("en-US");

  /** Return 0.9871 as 98.7 %, and what is no number as a dash. */
  const percent = (share, digits = 1) => (Number.isFinite(share) ? `${(100 * share).toFixed(digits)} %` : "–");

  /** Return the place of the largest value. */
  const largest = (values) => values.indexOf(Math.max(...values));

  /** Return a number as Python's format "g" writes it, with so many digits. */
  function general(value, digits) {
    if (value === 0) return "0";
    const exponent = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(digits)))));
    if (exponent >= -5 + 1 && exponent < digits) return String(Number(value.toPrecision(digits)));
    const [mantissa, power] = value.toExponential(digits - 1).split("e");
    return `${Number(mantissa)}e${power[0]}${power.slice(1).padStart(2, "0")}`;
  }

  /** Return whole numbers from 0 to `end` - 1. */
  const range = (end) => Array.from({ length: end }, (_, i) => i);

  /** Run a script, which works from a file where `fetch` does not; rejects where it is missing. */
  function runScript(address) {
    return new Promise((resolve, reject) => {
      document.head.append(element("script", { src: address, onload: resolve, onerror: () => reject(new Error(address)) }));
    });
  }

  /** Offer bytes as a file to download. */
  function download(bytes, name) {
    const address = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    const link = element("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  /** Return the address of a file beside these scripts. */
  const beside = (name) => new URL(name, folder).href;
  const folder = globalThis.document?.currentScript?.src ?? globalThis.document?.baseURI;

  /** Return the bytes of a trained network beside the page. */
  async function packaged(name) {
    if (!convlab.trained?.[name]) {
      try {
        await convlab.runScript(convlab.beside(`${name}.js`));
      } catch (error) {
        throw new convlab.Refusal("missing_beside", { name: `${name}.js` });
      }
    }
    return convlab.fromBase64(convlab.trained[name]);
  }

  Object.assign(convlab, { element, button, choice, grouped, general, percent, largest, range, runScript, download, beside, packaged });
});
