// What reading does not need: "/" goes to the search field, j and k go through the stories, and a region or bar under the
// pointer or the focus is named below its chart.
"use strict";

const search = document.querySelector("input[type=search]");
const titles = [...document.querySelectorAll(".stories h3 a")];

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
  } else if ((event.key === "j" || event.key === "k") && titles.length) {
    const at = titles.indexOf(document.activeElement);
    const next = event.key === "j" ? Math.min(at + 1, titles.length - 1) : Math.max(at - 1, 0);
    titles[next].focus();
  }
});

for (const chart of document.querySelectorAll(".map, .timeline")) {
  const here = chart.querySelector("[data-says-here]");
  const name = (event) => {
    const named = event.target.closest("[data-says]");
    here.textContent = named ? named.dataset.says : "\u00a0";
  };
  chart.addEventListener("pointerover", name);
  chart.addEventListener("focusin", name);
}
