// Lay a deck out, by measuring: what does not fit a slide of 1280x720 shrinks a little, goes on to a slide of its own,
// or, as the last resort, scrolls in its box. Only then does reveal.js take over.
"use strict";

const WIDTH = 1280, HEIGHT = 720, BOTTOM = 36; // BOTTOM: what slides.css leaves free below
const SMALLEST_CODE = 20, SMALLEST_RESULT = 16; // px: what the last row can read
const SMALLEST_PICTURE = 0.85, LARGEST_PICTURE = 2; // of the size at which a figure was drawn

window.MathJax = {
  tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]], processEscapes: true },
  options: { enableMenu: false, skipHtmlTags: ["script", "noscript", "style", "textarea", "pre", "code"] },
  startup: { pageReady: () => MathJax.startup.defaultPageReady().then(present) },
};

window.addEventListener("load", () => MathJax.startup?.promise ?? present()); // formulas stay TeX if MathJax is missing

async function present() {
  await document.fonts.ready;
  await Promise.all([...document.images].map(image => image.decode().catch(() => {})));
  const deck = document.querySelector(".reveal");
  deck.querySelectorAll(".slides pre").forEach(narrow);
  deck.querySelectorAll("section.leaf").forEach(fit);
  deck.querySelectorAll("section.leaf").forEach(enlarge);
  deck.classList.remove("measuring");
  await Reveal.initialize({
    width: WIDTH, height: HEIGHT, margin: 0, center: false, hash: true, transition: "none", backgroundTransition: "none",
    slideNumber: "c/t", navigationMode: "linear", pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1, defaultTiming: 60, plugins: [RevealNotes],
  });
}

// Make the letters of code smaller until its lines fit, down to a size that a room can still read; then lines wrap.
function narrow(pre) {
  if (!shrink(pre, () => pre.scrollWidth <= pre.clientWidth)) pre.classList.add("wraps");
}

function shrink(pre, fits, smallest = pre.closest(".result") ? SMALLEST_RESULT : SMALLEST_CODE) {
  for (let size = parseFloat(getComputedStyle(pre).fontSize); size > smallest && !fits(); size -= 1)
    pre.style.fontSize = `${size - 1}px`;
  return fits();
}

const blocks = element => [...element.children].filter(child => !child.matches("aside, .running, .recalled"));
const splits = element => element.matches("div.words, div.result, div.html, ul, ol, table, tbody");
const end = slide => slide.getBoundingClientRect().top + HEIGHT - BOTTOM;
const bottom = element => element.getBoundingClientRect().bottom;

// Keep on a slide what fits, and move the rest to a new one below it, which is fitted in turn.
function fit(slide) {
  const limit = end(slide);
  const parts = blocks(slide);
  const over = parts.findIndex(part => bottom(part) > limit + 1);
  if (over < 0) return;
  if (tighten(slide, limit)) return;
  const part = parts[over];
  if (squeeze(part, limit)) return fit(slide);
  const alone = !parts.slice(0, over).some(before => !onlyHeading(before));
  const rest = splits(part) ? splitOff(part, limit, alone) : null;
  if (!rest && alone) {
    box(part, limit);
    return bottom(part) <= limit + 1 ? fit(slide) : undefined;
  }
  const from = rest ? over + 1 : together(parts, over);
  goOn(slide, [...(rest ? [rest] : []), ...parts.slice(from)]);
}

// Set words a little smaller if that saves a slide with a line or two; tell whether all fits now.
function tighten(slide, limit) {
  for (const size of [24, 23]) {
    slide.style.fontSize = `${size}px`;
    if (blocks(slide).every(part => bottom(part) <= limit + 1)) return true;
  }
  slide.style.fontSize = "";
  return false;
}

// Return where the part that does not fit begins together with its heading and, if there is room, its code.
function together(parts, over) {
  let from = over;
  while (from > 1 && parts[over].matches(".result") && parts[from - 1].matches(".code")) from -= 1;
  if (bottom(parts[over]) - parts[from].getBoundingClientRect().top > HEIGHT - 110) from = over;
  while (from > 1 && onlyHeading(parts[from - 1])) from -= 1;
  return parts.slice(0, from).some(part => !onlyHeading(part)) ? from : over;
}

const leads = element => /^H[1-3]$/.test(element?.tagName ?? "") ||
  element?.matches("p") && element.children.length === 1 && element.textContent === element.querySelector("strong")?.textContent;
const onlyHeading = element => element.matches(".leading") || element.matches(".words") && leads(element.lastElementChild);

// Shrink a picture or code that is a little too tall; tell whether it fits now.
function squeeze(part, limit) {
  const picture = part.matches(".result") && part.lastElementChild?.matches("img") ? part.lastElementChild : null;
  const pre = part.matches(".code, .result") ? part.querySelector("pre") : null;
  const margin = 4;
  if (picture) {
    const room = limit - picture.getBoundingClientRect().top - margin;
    if (room < SMALLEST_PICTURE * Math.min(picture.getBoundingClientRect().height, HEIGHT - 140)) return false;
    picture.style.maxHeight = `${room}px`;
    return bottom(picture) <= limit;
  }
  if (!pre || pre !== part.querySelector("pre:last-of-type")) return false;
  const size = pre.style.fontSize;
  if (shrink(pre, () => bottom(pre) <= limit)) return bottom(part) <= limit + 13;
  pre.style.fontSize = size;
  return false;
}

// Cut an element where it passes the limit; return its rest, or nothing if not even its beginning fits.
function splitOff(element, limit, alone) {
  const children = [...element.children];
  let over = children.findIndex(child => bottom(child) > limit + 1);
  if (over < 0) over = children.length - 1; // padding or a margin at its end
  const head = element.matches("table") ? element.querySelector("thead")?.cloneNode(true) : null;
  const whole = children[over].matches("table") && over > 0 && children[over].offsetHeight < HEIGHT - 150;
  let rest = splits(children[over]) && !whole ? splitOff(children[over], limit, alone && over === 0) : null;
  let moved = children.slice(rest ? over + 1 : over);
  while (!rest && over > 0 && leads(children[over - 1])) moved.unshift(children[--over]);
  if (!rest && over <= (head ? 1 : 0)) return null;
  const copy = element.cloneNode(false);
  copy.removeAttribute("id");
  copy.append(...(head ? [head] : []), ...(rest ? [rest] : []), ...moved);
  if (element.matches("ol")) copy.start = element.start + element.children.length - (rest ? 1 : 0);
  return copy;
}

// Nothing helps: scroll inside what is too tall.
function box(part, limit) {
  const tall = part.querySelector("pre, img, table, .html") ?? part;
  if (tall.matches("img")) return void (tall.style.maxHeight = `${limit - tall.getBoundingClientRect().top}px`);
  tall.classList.add("scrolls");
  tall.tabIndex = 0;
  tall.style.maxHeight = `${Math.max(80, limit - tall.getBoundingClientRect().top - 26)}px`;
}

// Let the one picture of a slide grow into the room that is left.
function enlarge(slide) {
  const pictures = [...slide.querySelectorAll(".result > img:last-child")];
  const [picture] = pictures;
  if (pictures.length !== 1 || picture.style.maxHeight) return;
  const {width, height} = picture.getBoundingClientRect();
  const free = end(slide) - Math.max(...blocks(slide).map(bottom)) - 6;
  const wide = picture.parentElement.clientWidth;
  const drawn = Number(picture.getAttribute("width")) || picture.naturalWidth;
  const grown = Math.min(wide, width * (height + free) / height, LARGEST_PICTURE * drawn);
  if (grown > width) picture.style.width = `${Math.floor(grown)}px`;
}

// Return the picture that the moved words speak of, to stand beside them once more.
function recalled(slide, elements) {
  const picture = [...slide.querySelectorAll(".result > img:last-child")].at(-1);
  if (!picture || !elements[0].matches(".words.text:not(.leading)")) return []; // what leads to code comes before its picture
  const copy = picture.cloneNode();
  copy.alt = ""; // its words are on the slide before
  copy.className = "recalled";
  copy.removeAttribute("style");
  return [copy];
}

// Return what must go along with moved elements, so that nothing ends in a colon and no code is without its question.
function goesAlong(slide, elements) {
  const kept = blocks(slide).filter(part => !elements.includes(part));
  const last = kept.at(-1), said = last?.matches(".words") ? last.lastElementChild : null;
  if (said?.matches("p") && /:$/.test(said.textContent.trim())) {
    const along = last.cloneNode(false);
    along.classList.add("leading");
    along.append(lastSentence(said));
    if (!last.children.length) last.remove();
    return [along];
  }
  const question = kept.findLast(part => part.matches(".prediction, .task, .asked"));
  if (!elements[0].matches(".code") || !question) return [];
  const lines = [...question.querySelectorAll("p")], asks = lines.find(line => line.textContent.includes("?")) ?? lines.at(-1);
  if (!asks) return [];
  const again = document.createElement("div");
  again.className = "words asked leading";
  again.append(asks.cloneNode(true));
  return [again];
}

// Take the last sentence out of a paragraph, and return it as a paragraph; the whole paragraph if it is one sentence.
function lastSentence(paragraph) {
  for (const node of [...paragraph.childNodes].reverse()) {
    const at = node.nodeType === Node.TEXT_NODE ? node.data.trimEnd().lastIndexOf(". ") : -1;
    if (at < 0) continue;
    const range = document.createRange(), own = paragraph.cloneNode(false);
    range.setStart(node, at + 2);
    range.setEndAfter(paragraph.lastChild);
    own.append(range.extractContents());
    return own;
  }
  return paragraph;
}

// Put elements on a new slide below; the first of them is there at once.
function goOn(slide, elements) {
  elements = [...goesAlong(slide, elements), ...elements];
  const next = slide.cloneNode(false);
  const kept = [...slide.children].filter(child => child.matches("aside, .running"));
  next.append(...kept.map(child => child.cloneNode(true)), ...recalled(slide, elements), ...elements);
  elements[0].classList.remove("fragment");
  const seconds = Math.max(1, Math.round(slide.dataset.timing / 2));
  slide.dataset.timing = next.dataset.timing = seconds;
  slide.after(next);
  fit(next);
}
