// One customer: the charts of its risk and its days, and the answer to the sliders as they move.
"use strict";

(() => {
  const percent = (value) => value.toLocaleString(undefined, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const SKY = "#56b4e9", BLUE = "#0072b2", ORANGE = "#e69f00", GREEN = "#009e73", RED = "#d55e00", PINK = "#cc79a7";
  const layout = (more) => ({
    autosize: true, height: 300, margin: { l: 56, r: 16, t: 16, b: 48 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    hovermode: "closest", legend: { orientation: "h", yanchor: "bottom", y: 1, x: 0 }, ...more,
  });

  // The newest prediction of each date is on the line; the others stand beside it.
  function drawRisk(box) {
    const all = JSON.parse(box.dataset.risk);
    const newest = [...new Map(all.map((each) => [each.as_of_date, each])).values()];
    const dates = newest.map((each) => each.as_of_date);
    const band = (key, fill) => ({
      x: dates, y: newest.map((each) => each[key]), mode: "lines", line: { width: 0, color: SKY }, fill, fillcolor: "rgba(86,180,233,.3)",
      hoverinfo: "skip", showlegend: fill !== undefined, name: "95 % interval",
    });
    const points = (name, symbol, color, rows) => ({
      x: rows.map((each) => each.as_of_date), y: rows.map((each) => each.probability), mode: "markers", name, marker: { symbol, color, size: 10 },
      customdata: rows.map((each) => each.model_version), hovertemplate: "%{x}: %{y:.1%}, model %{customdata}<extra></extra>",
    });
    const told = [["left", "x", RED, 1], ["stayed", "circle", GREEN, 0], ["not known yet", "circle-open", BLUE, null]];
    const marks = told.map(([name, symbol, color, value]) => points(name, symbol, color, all.filter((each) => each.outcome === value)));
    const line = { x: dates, y: newest.map((each) => each.probability), mode: "lines", line: { color: BLUE }, hoverinfo: "skip", showlegend: false };
    sparkhouse.figure(box.id, {
      data: [band("probability_low"), band("probability_high", "tonexty"), line, ...marks.filter((each) => each.x.length)],
      layout: layout({ xaxis: { type: "date", automargin: true, tickformat: "%-d %b" }, yaxis: { tickformat: ".0%", rangemode: "tozero", automargin: true } }),
    });
  }

  function drawDays(box) {
    const { days, spells, cancelled_at: cancelled } = JSON.parse(box.dataset.days);
    const x = days.map((each) => each.day);
    const counts = [["Songs", "songs", BLUE], ["Adverts", "adverts", ORANGE], ["Thumbs up", "thumbs_up", GREEN], ["Thumbs down", "thumbs_down", PINK]];
    const end = x.length ? `${x[x.length - 1]}T23:59:59Z` : null;
    const paid = spells.filter((each) => each.level === "paid").map((each) => ({
      type: "rect", xref: "x", yref: "paper", x0: each.started_at, x1: each.ended_at || end, y0: 0, y1: 1, fillcolor: SKY, opacity: .15, line: { width: 0 }, layer: "below",
    }));
    const left = cancelled ? [{ type: "line", xref: "x", yref: "paper", x0: cancelled, x1: cancelled, y0: 0, y1: 1, line: { color: RED, width: 2, dash: "dash" } }] : [];
    const key = (name, color, symbol) => ({ x: [null], y: [null], mode: "markers", name, marker: { color, symbol, size: 12 }, hoverinfo: "skip" });
    const keys = [...(paid.length ? [{ ...key("on paid", SKY, "square"), opacity: .4 }] : []), ...(left.length ? [key("cancelled", RED, "line-ns-open")] : [])];
    sparkhouse.figure(box.id, {
      data: [...counts.map(([name, field, color]) => ({ type: "bar", name, x, y: days.map((each) => each[field]), marker: { color } })), ...keys],
      layout: layout({ barmode: "group", shapes: [...paid, ...left], xaxis: { type: "date", automargin: true, tickformat: "%-d %b" }, yaxis: { automargin: true, rangemode: "tozero" } }),
    });
  }

  function mark(form, errors) {
    for (const field of form.querySelectorAll("[data-now]")) {
      if (field.name in errors) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  }

  // What was answered before is no answer to what is wrong now.
  function refused(form, told) {
    const errors = told.errors || {};
    const called = (name) => (form.elements[name] ? form.elements[name].labels[0].firstChild.textContent.trim() : name);
    const wrong = Object.entries(errors).map(([name, must]) => `${called(name)}: ${must}.`);
    form.querySelector("[data-answer]").textContent = [told.detail, ...wrong].join(" ");
    form.querySelector("[data-reasons]").replaceChildren();
    form.querySelector("[data-moved]").textContent = "";
    mark(form, errors);
  }

  function answered(form, answer) {
    mark(form, {});
    const place = form.querySelector("[data-answer]");
    const quiet = document.createElement("span");
    quiet.className = "quiet";
    quiet.textContent = ` (${percent(answer.then.low)} to ${percent(answer.then.high)}), now ${percent(answer.now.probability)}`;
    place.replaceChildren(percent(answer.then.probability), quiet);
    form.querySelector("[data-reasons]").replaceChildren(...answer.then.reasons.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    const moved = Object.entries(answer.moved).map(([name, value]) => `${name} ${typeof value === "number" ? Number(value.toFixed(2)).toLocaleString() : value}`);
    form.querySelector("[data-moved]").textContent = moved.length ? `Changed: ${moved.join(", ")}.` : "Nothing is changed.";
  }

  // What differs from the customer's own values; the fields say what they are called and what they were.
  function changes(form) {
    const fields = [...form.elements].filter((each) => each.dataset.now !== undefined && each.value !== "" && each.value !== each.dataset.now);
    return Object.fromEntries(fields.map((each) => [each.name, each.type === "number" ? Number(each.value) : each.value]));
  }

  let asked = 0;
  async function ask(form) {
    const mine = ++asked;
    let told;
    try {
      const response = await fetch(form.action, {
        method: "POST", body: JSON.stringify(changes(form)), headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf },
      });
      told = await response.json();
      if (mine === asked && response.ok) return answered(form, told);
    } catch {
      told = { detail: "The server did not answer: load the page anew." };
    }
    if (mine !== asked) return;
    refused(form, told);
  }

  function listen(form) {
    for (const slider of form.querySelectorAll("input[type=range]")) {
      const field = document.getElementById(slider.dataset.of);
      slider.hidden = false;
      slider.addEventListener("input", () => { field.value = slider.value; });
      field.addEventListener("input", () => { slider.value = field.value; });
    }
    let waiting;
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => ask(form), 60);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form);
    });
  }

  for (const form of document.querySelectorAll("[data-what-if]")) listen(form);
  const boxes = [...document.querySelectorAll("[data-risk], [data-days]")];
  if (!boxes.length) return;
  const plotly = document.createElement("script");
  plotly.src = document.body.dataset.plotly;
  plotly.addEventListener("load", () => {
    for (const box of boxes) (box.dataset.risk ? drawRisk : drawDays)(box);
    document.documentElement.dataset.drawn = "yes";
  });
  document.head.append(plotly);
})();
