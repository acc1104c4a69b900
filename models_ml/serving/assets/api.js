// Sends what the forms of the API's page say, and shows the answer as it comes.
"use strict";
// Longer answers are cut: a page is no place to read a megabyte.
const MOST_LETTERS = 100000;

function requestOf(form) {
  const query = new URLSearchParams();
  let path = form.dataset.path;
  for (const field of form.querySelectorAll("[data-in]")) {
    if (field.value === "") continue;
    if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
    else query.append(field.name, field.value);
  }
  const body = form.querySelector(".body");
  const content = body?.type === "file" ? body.files[0] : body?.value;
  const options = body ? { headers: { "Content-Type": form.dataset.takes }, body: content } : {};
  return { address: query.size ? `${path}?${query}` : path, options: { method: form.dataset.method, ...options } };
}

function readable(text) {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // It is shown as it came.
  }
  return shown.length > MOST_LETTERS ? `${shown.slice(0, MOST_LETTERS)}\n… cut here` : shown;
}

async function send(form) {
  const status = form.querySelector(".answer-status");
  const answer = form.querySelector(".answer");
  const { address, options } = requestOf(form);
  status.textContent = `${options.method} ${address} is sent.`;
  try {
    const started = performance.now();
    const response = await fetch(address, options);
    const text = await response.text();
    const took = Math.round(performance.now() - started);
    status.textContent = `${options.method} ${address}: ${response.status} ${response.statusText}, ${took} ms`;
    answer.textContent = readable(text);
    answer.hidden = false;
  } catch {
    status.textContent = "The server does not answer: start it with `sparkhouse app`.";
    answer.hidden = true;
  }
}

for (const form of document.querySelectorAll(".try")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}
