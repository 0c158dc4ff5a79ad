"use strict";
let prepared = [], stopped = false, state = null, drawn = "";

function bar([label, count], most) {
    const row = document.createElement("tr");
    const [name, length, number] = ["th", "td", "td"].map(kind => row.appendChild(document.createElement(kind)));
    name.scope = "row";
    name.textContent = label;
    number.textContent = count;
    const meter = length.appendChild(document.createElement("meter"));
    meter.max = Math.max(most, 1);
    meter.value = count;
    meter.setAttribute("aria-hidden", "true");
    return row;
}

function show(next) {
    state = next;
    at("question").textContent = state.text || "No question yet";
    const people = state.answers === 1 ? "1 answer" : `${state.answers} answers`;
    const said = state.number ? `${people}, ${state.open ? "open" : "closed"}` : "";
    if (at("count").textContent !== said) at("count").textContent = said;
    at("close").disabled = !state.open;
    at("bars").hidden = !state.number || (state.open && !at("live").checked);
    const shown = JSON.stringify(state.bars);
    if (shown === drawn) return;
    drawn = shown;
    const most = Math.max(...state.bars.map(([, count]) => count), 0);
    at("bars").tBodies[0].replaceChildren(...state.bars.map(one => bar(one, most)));
}

function begin(first) {
    at("address").textContent = first.shown.replace("http://", "").replace(/\/$/, "");
    prepared = first.prepared;
    at("choose").hidden = prepared.length === 0;
    prepared.forEach((question, index) => at("prepared").add(new Option(question.text.slice(0, 90), index)));
    at("qr").hidden = false;
    at("qr").addEventListener("error", () => { at("qr").hidden = true; });
    if (at("qr").complete && !at("qr").naturalWidth) at("qr").hidden = true;
}

function kind(value) {
    if (value) document.querySelector(`input[name=kind][value=${value}]`).checked = true;
    const chosen = new FormData(at("form")).get("kind");
    at("choices-line").hidden = chosen !== "choice";
    return chosen;
}

async function attempt(path, body) {
    try {
        at("message").textContent = "";
        return await call(path, body);
    } catch (error) {
        at("message").textContent = error.message;
        return null;
    }
}

at("prepared").addEventListener("change", () => {
    const question = prepared[at("prepared").value] ?? { text: "", kind: "choice", choices: [] };
    at("text").value = question.text;
    at("choices").value = question.choices.join("\n");
    kind(question.kind);
});
at("form").addEventListener("change", () => kind());
at("form").addEventListener("submit", async event => {
    event.preventDefault();
    const asked = { text: at("text").value, kind: kind(), choices: at("choices").value.split("\n") };
    const next = await attempt("/teacher/ask", asked);
    if (!next) return;
    at("live").checked = false;
    show(next);
    scrollTo(0, 0);
});
at("close").addEventListener("click", async () => {
    const next = await attempt("/teacher/close", {});
    if (next) show(next);
});
at("live").addEventListener("change", () => state && show(state));
at("stop").addEventListener("click", async () => {
    if (!await attempt("/teacher/stop", {})) return;
    stopped = true;
    at("message").textContent = "The poll has ended.";
    document.querySelectorAll("button").forEach(button => { button.disabled = true; });
});

async function refresh(first) {
    const next = await call("/teacher/state").catch(error => error);
    if (stopped) return;
    if (next instanceof Error) {
        at("message").textContent = "The poll does not answer. Has it ended?";
    } else {
        if (first) begin(next);
        show(next);
    }
    setTimeout(refresh, 1000, first && next instanceof Error);
}
kind();
refresh(true);
