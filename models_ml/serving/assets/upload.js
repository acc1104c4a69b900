// Says in words that an upload is under way, and lets nobody send it twice.
"use strict";
for (const form of document.querySelectorAll("[data-upload]")) {
  const button = form.querySelector("button");
  const progress = form.querySelector(".upload-progress");
  form.addEventListener("submit", () => {
    const file = form.elements.file.files[0];
    const size = file ? ` (${(file.size / 1e6).toFixed(1)} MB)` : "";
    button.disabled = true;
    progress.textContent = `The log${size} is sent, read and scored: this takes some seconds, and a minute at most after it is sent.`;
  });
  // Whoever comes back by the browser's Back button can send again.
  window.addEventListener("pageshow", () => {
    button.disabled = false;
    progress.textContent = "";
  });
}
