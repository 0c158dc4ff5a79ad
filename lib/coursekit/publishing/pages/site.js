// The book's search: lesson numbers, words in three languages, an excerpt under each result, also from a file.
"use strict";

(() => {
  if (!/search\.html$/.test(location.pathname)) return; // only that page needs the words of all lessons
  const loaded = new Promise(done => {
    const script = document.createElement("script");
    script.src = `${document.documentElement.dataset.content_root ?? ""}_static/search_data.js`;
    script.onload = script.onerror = () => done(window.courseSearch ?? {numbers: {}, words: {}, texts: {}});
    document.head.append(script);
  });
  let course, asked = []; // asked: the words of the query and of its translations

  // Return the query, and what it is in the other languages: as a whole, or word by word.
  function queries(query) {
    const words = text => course.words[text.toLowerCase().trim()] ?? [];
    const whole = words(query);
    if (whole.length) return [query, ...whole];
    const parts = query.trim().split(/\s+/), other = parts.map(part => words(part)[0] ?? part).join(" ");
    return other === parts.join(" ") ? [query] : [query, other];
  }

  // Return the page of the lesson that a query such as `07`, `7` or `lesson 7` names.
  function numbered(query) {
    const found = /^(?:lesson\s*)?(\d{1,2})$/i.exec(query.trim());
    return found && Object.keys(course.numbers).find(name => Number(course.numbers[name]) === Number(found[1]));
  }

  function improve() {
    if (typeof Search === "undefined") return;
    const query = Search.query, perform = Search._performSearch;
    Search.query = text => loaded.then(data => {
      course = data;
      asked = queries(text).flatMap(one => [one, ...one.split(/\s+/)]).filter(one => one.length > 1 || /\P{ASCII}/u.test(one));
      query(text);
    });
    // best last, as Sphinx wants it
    Search._performSearch = (text, ...rest) => {
      const best = new Map();
      const add = result => {
        const key = result[0] + result[2] + result[1];
        if (!(best.get(key)?.[4] >= result[4])) best.set(key, result);
      };
      queries(text).forEach((one, i) => perform(one, ...(i ? Search._parseQuery(one).slice(1) : rest)).forEach(add));
      const results = [...best.values()].sort((a, b) => a[4] - b[4]);
      const page = numbered(text), file = Search._index.docnames.indexOf(page);
      const first = file < 0 ? [] : [[page, Search._index.titles[file], "", null, 1000, Search._index.filenames[file], "title"]];
      return [...results.filter(one => !first.length || one[0] !== page || one[2]), ...first];
    };
    const out = document.getElementById("search-results");
    if (out) new MutationObserver(changes => changes.flatMap(one => [...one.addedNodes]).forEach(explain)).observe(out, {childList: true, subtree: true});
  }

  // Put the lesson's number before a result, and an excerpt below it.
  function explain(item) {
    const link = item.nodeName === "LI" && item.querySelector("a");
    if (!link || !course) return;
    const name = link.getAttribute("href").replace(/\.html.*/, "");
    if (course.numbers[name]) link.prepend(`${course.numbers[name]} `);
    const text = course.texts[name] ?? "", low = text.toLowerCase();
    const hits = asked.map(word => ({word, at: low.indexOf(word.toLowerCase())})).filter(({at}) => at >= 0);
    if (!text) return;
    const {word, at} = hits[0] ?? {word: "", at: 0};
    const from = at > 90 ? text.indexOf(" ", at - 90) + 1 : 0, until = text.indexOf(" ", at + word.length + 110);
    const excerpt = document.createElement("p"), mark = document.createElement("mark");
    excerpt.className = "excerpt";
    mark.textContent = text.slice(at, at + word.length);
    const start = Math.min(from, at), end = until < 0 ? text.length : until;
    excerpt.append(`${start ? "… " : ""}${text.slice(start, at)}`, ...(word ? [mark] : []), `${text.slice(at + word.length, end)}${end < text.length ? " …" : ""}`);
    item.append(excerpt);
  }

  typeof Search === "undefined" ? document.addEventListener("DOMContentLoaded", improve) : improve();
})();

// A box that scrolls sideways is reached by Tab, so that the arrow keys scroll it.
function reachScrolling() {
  for (const box of document.querySelectorAll("article pre, article .output, article .table-wrapper, article div.math")) {
    if (box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible") box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("load", reachScrolling);
addEventListener("resize", reachScrolling);
