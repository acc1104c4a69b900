// The page's own work: theme, numbers as the reader writes them, figures when they are looked at, tables to search and sort.
"use strict";

const sparkhouse = (() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map();
  let printing = false;

  const theme = () => (dark.matches && !printing ? "dark" : "light");
  const colours = () => (theme() === "dark" ? { text: "#e3e6ea", grid: "#3b424a" } : { text: "#212529", grid: "#dee2e6" });

  function themed(layout) {
    const { text, grid } = colours();
    const full = { ...layout, separators: separators(), font: { family: "system-ui, sans-serif", size: 13, color: text } };
    for (const key of Object.keys(full)) {
      if (/^[xy]axis\d*$/.test(key)) {
        full[key] = { ...full[key], gridcolor: grid, linecolor: grid, zerolinecolor: grid, tickcolor: grid };
      }
    }
    return full;
  }

  function separators() {
    const parts = new Intl.NumberFormat().formatToParts(1234567.8);
    const of = (type, otherwise) => (parts.find((part) => part.type === type) || { value: otherwise }).value;
    return of("decimal", ".") + of("group", ",");
  }

  // A figure comes from a file of its own, as a script: that works from a disk, too, where nothing can be fetched.
  function figure(id, content) {
    const box = document.getElementById(id);
    box.replaceChildren();
    drawn.set(id, content);
    Plotly.newPlot(box, content.data, themed(content.layout), { responsive: true, displaylogo: false, displayModeBar: false });
  }

  function load(box) {
    if (box.dataset.loaded) return Promise.resolve();
    box.dataset.loaded = "yes";
    return script(box.dataset.figure);
  }

  function script(source) {
    return new Promise((done) => {
      const element = document.createElement("script");
      element.src = source;
      element.onload = element.onerror = done;
      document.head.append(element);
    });
  }

  function retheme() {
    document.documentElement.dataset.bsTheme = theme();
    for (const [id, content] of drawn) Plotly.relayout(id, themed(content.layout));
  }

  function numbers() {
    for (const element of document.querySelectorAll("data[data-style]")) {
      const digits = Number(element.dataset.digits);
      const form = { style: element.dataset.style === "percent" ? "percent" : "decimal" };
      element.textContent = Number(element.value).toLocaleString(undefined, { ...form, minimumFractionDigits: digits, maximumFractionDigits: digits });
    }
  }

  function sortBy(table, column, button) {
    const head = button.closest("th");
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => {
      const cell = row.cells[column];
      const data = cell.querySelector("data, time");
      return data ? (data.value !== undefined ? Number(data.value) : data.dateTime) : cell.textContent.trim().toLocaleLowerCase();
    };
    const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
    const rows = [...table.tBodies[0].rows].sort((a, b) => (down ? -1 : 1) * order(value(a), value(b)));
    table.tBodies[0].append(...rows);
  }

  function search(field) {
    const wanted = field.value.trim().toLocaleLowerCase();
    const table = document.getElementById(field.dataset.table);
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
      shown += !row.hidden;
    }
    document.getElementById(`${field.dataset.table}-count`).textContent = `${shown} rows`;
  }

  async function start() {
    retheme();
    numbers();
    for (const field of document.querySelectorAll("input[data-table]")) field.addEventListener("input", () => search(field));
    for (const button of document.querySelectorAll("th button")) {
      button.addEventListener("click", () => sortBy(button.closest("table"), button.closest("th").cellIndex, button));
    }
    for (const button of document.querySelectorAll("button.copy")) {
      button.addEventListener("click", () => navigator.clipboard.writeText(document.getElementById(button.dataset.of).textContent));
    }
    dark.addEventListener("change", retheme);
    addEventListener("beforeprint", () => { printing = true; retheme(); });
    addEventListener("afterprint", () => { printing = false; retheme(); });
    const boxes = [...document.querySelectorAll("[data-figure]")];
    if (!boxes.length) return done();
    await script(document.body.dataset.plotly);
    const seen = new IntersectionObserver((entries) => entries.filter((each) => each.isIntersecting).forEach((each) => load(each.target)), { rootMargin: "200px" });
    boxes.forEach((box) => seen.observe(box));
    // The others when there is time: who prints the page or saves it has them all.
    for (const box of boxes) {
      await new Promise((free) => (window.requestIdleCallback || setTimeout)(free));
      await load(box);
    }
    done();
  }

  function done() {
    document.documentElement.dataset.ready = "yes";
  }

  document.addEventListener("DOMContentLoaded", start);
  return { figure };
})();
