"use strict";
let number = null, open = false, kind = "text";

function field(type, label, value, checked) {
    const line = document.createElement("label");
    const input = document.createElement("input");
    input.type = type;
    input.name = "answer";
    input.value = value ?? "";
    input.checked = Boolean(checked);
    input.required = true;
    input.maxLength = 200;
    input.autocomplete = "off";
    if (kind === "number") input.inputMode = "decimal";
    line.append(...(type === "radio" ? [input, label] : [label, input]));
    return line;
}

function show(state) {
    if (state.number !== number) {
        number = state.number;
        kind = state.kind;
        at("question").textContent = state.text || "Wait for the first question.";
        at("input").replaceChildren(...(kind === "choice"
            ? state.choices.map(choice => field("radio", choice, choice, choice === state.yours))
            : [field("text", kind === "number" ? "A number " : "In your words ", state.yours)]));
        at("message").textContent = "";
    }
    open = state.open;
    at("form").hidden = number === 0;
    at("fields").disabled = at("send").disabled = !open;
    if (number && !open) at("message").textContent = counted(state.yours, "This question is closed.");
    else if (state.yours !== null && !at("message").textContent) at("message").textContent = counted(state.yours, "");
}

function counted(yours, ending) {
    return [yours === null ? "" : `Your answer: ${yours}.`, ending].join(" ").trim();
}

at("form").addEventListener("submit", async event => {
    event.preventDefault();
    const answer = new FormData(at("form")).get("answer");
    try {
        const state = await call("/answer", { number, answer });
        at("message").textContent = counted(state.yours, "");
        show(state);
    } catch (error) {
        at("message").textContent = error.message;
    }
});

async function refresh() {
    try {
        show(await call("/state"));
    } catch (error) {
        at("fields").disabled = at("send").disabled = true;
        at("message").textContent = "The poll does not answer. It may have ended.";
        number = null;
    }
    setTimeout(refresh, 1500);
}
refresh();
