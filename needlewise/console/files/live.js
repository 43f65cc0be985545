// Live help: what the write box does beyond a form. Sending works without it.

// The list of ready sentences is of no use without a script, and so is hidden until there is one.
const prepare = (part) => {
  const list = part.querySelector("#live-canned");
  if (list) {
    list.hidden = false;
  }
};
prepare(document);
document.body.addEventListener("htmx:load", (event) => prepare(event.detail.elt));

// A ready sentence is put where the cursor is, to be changed before it is sent.
document.addEventListener("change", (event) => {
  const list = event.target;
  if (!list.dataset?.into || !list.value) {
    return;
  }
  const box = document.getElementById(list.dataset.into);
  const before = box.value.slice(0, box.selectionStart);
  const gap = before && !/\s$/.test(before) ? " " : "";
  box.setRangeText(gap + list.value, box.selectionStart, box.selectionEnd, "end");
  list.value = "";
  box.focus();
  box.dispatchEvent(new Event("input", { bubbles: true }));
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "live-words") {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

// Whoever is at the end of the conversation stays there when something comes, and who steps in is led there. The page may go on beside it.
const NEAR = 160;
const box = () => document.getElementById("live-say");
const below = () => {
  const end = document.getElementById("tail");
  return end === null ? 0 : end.getBoundingClientRect().bottom - document.getElementById("live").getBoundingClientRect().top + 16;
};
let before = { wasIn: false, wasAtEnd: false };
document.body.addEventListener("htmx:beforeSwap", () => {
  before = { wasIn: box() !== null, wasAtEnd: below() < NEAR };
});
document.body.addEventListener("htmx:afterSettle", () => {
  if (box() !== null && (before.wasAtEnd || !before.wasIn) && below() > 0) {
    scrollBy(0, below());
  }
});
