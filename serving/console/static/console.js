// Small comforts of the console; every page works without them.
"use strict";
document.documentElement.classList.add("js");

// A piece of the text and the entries of its labels light up together.
function light(numbers, on) {
  const wanted = new Set(numbers);
  for (const piece of document.querySelectorAll("[data-labels]")) {
    if (piece.dataset.labels.split(" ").some((number) => wanted.has(number))) {
      piece.classList.toggle("lit", on);
    }
  }
  for (const entry of document.querySelectorAll("[data-label]")) {
    if (wanted.has(entry.dataset.label)) entry.classList.toggle("lit", on);
  }
}

function follow(element, numbers) {
  element.addEventListener("mouseenter", () => light(numbers, true));
  element.addEventListener("mouseleave", () => light(numbers, false));
  element.addEventListener("focusin", () => light(numbers, true));
  element.addEventListener("focusout", () => light(numbers, false));
}

// A number leads to an entry even where that is folded away.
function unfold() {
  const place = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  const folded = place && place.closest("details");
  if (folded && !folded.open) {
    folded.open = true;
    place.scrollIntoView();
  }
}

// Shows only the labels whose name holds what is typed, in whatever branch they are.
function find(typed) {
  const word = typed.trim().toLowerCase();
  for (const branch of document.querySelectorAll("[data-find] details")) {
    let shown = false;
    for (const label of branch.querySelectorAll("label")) {
      const holds = !word || (label.textContent + label.title).toLowerCase().includes(word);
      label.hidden = !holds;
      shown = shown || holds;
    }
    branch.hidden = !shown;
    if (word) branch.open = shown;
  }
  for (const list of document.querySelectorAll("[data-find]")) {
    list.hidden = !list.querySelector("details:not([hidden])");
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const entry of document.querySelectorAll("[data-label]")) {
    follow(entry, [entry.dataset.label]);
  }
  for (const piece of document.querySelectorAll("[data-labels]")) {
    follow(piece, piece.dataset.labels.split(" "));
  }
  const typed = document.getElementById("find-label");
  if (typed) typed.addEventListener("input", () => find(typed.value));
  window.addEventListener("hashchange", unfold);
  unfold();
});
