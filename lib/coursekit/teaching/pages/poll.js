"use strict";
// what the phone's page and the teacher's page share
const at = name => document.getElementById(name);

async function call(path, body) {
    const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(path, options);
    const said = await response.json();
    if (!response.ok) throw new Error(said.error);
    return said;
}
