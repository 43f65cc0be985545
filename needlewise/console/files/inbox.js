// Keys for the inbox and for a conversation. What a key does stands in the markup:
//
//   data-row                  a line of a list: j and k go from line to line, to its [data-line]
//   data-key="e"              what the key presses or moves to: inside the line one is on, else outside of all lines
//   data-then="next"          go on to the next line when it is done
//   <dialog data-for-row>     asks something about the line one is on: its form is sent to the line's data-path + its own
//
// Single keys do nothing while one types or a dialog is open, and for who has switched them off (WCAG 2.1.4).

const STORED = "needlewise-keys";

const areKeysOn = () => localStorage.getItem(STORED) !== "off";

const isTyping = (element) =>
  element.matches("textarea, select, input:not([type=checkbox], [type=radio]), [contenteditable]");

// -- lines ----------------------------------------------------------------------------------------------------------

let current = null;

const lines = () => [...document.querySelectorAll("[data-row]")];

// htmx puts a new line in the place of another: it has the same id.
const here = () => {
  if (current !== null && !document.contains(current)) {
    current = document.getElementById(current.id);
  }
  return current;
};

const goTo = (line) => {
  if (line) {
    line.querySelector("[data-line]").focus({ preventScroll: true });
    line.scrollIntoView({ block: "nearest" });
  }
};

const go = (by) => {
  const all = lines();
  const at = all.indexOf(here());
  goTo(at < 0 ? all[0] : all[Math.min(Math.max(at + by, 0), all.length - 1)]);
};

document.addEventListener("focusin", (event) => {
  const line = event.target.closest("[data-row]");
  if (line) {
    current = line;
  }
});

// -- keys -----------------------------------------------------------------------------------------------------------

const boxes = () => [...document.querySelectorAll("[data-row] input[type=checkbox]")];
const chosen = () => boxes().filter((box) => box.checked).length;

const act = (element) => {
  if (isTyping(element)) {
    element.focus();
    return;
  }
  element.click();
  if (element.matches("summary") && element.parentElement.open) {
    element.parentElement.querySelector("input:not([type=hidden])")?.focus();
  }
};

const found = (key) => {
  const forChosen = document.querySelector(`[data-for-chosen="${CSS.escape(key)}"]`);
  if (forChosen && chosen() > 0) {
    return forChosen;
  }
  const wanted = `[data-key="${CSS.escape(key)}"]`;
  const outside = [...document.querySelectorAll(wanted)].find((one) => !one.closest("[data-row]"));
  return here()?.querySelector(wanted) ?? outside;
};

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(target)) {
    return;
  }
  if (document.querySelector("dialog[open]") || !areKeysOn()) {
    return;
  }
  if (key === "j" || key === "k") {
    go(key === "j" ? 1 : -1);
    event.preventDefault();
  } else if (key.length === 1 && key !== " ") {
    const element = found(key);
    if (element) {
      act(element);
      event.preventDefault();
    }
  }
});

// -- dialogs, and what only works with scripts ------------------------------------------------------------------------

document.addEventListener("click", async (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    current = opener.closest("[data-row]") ?? current;
    document.getElementById(opener.dataset.opens).showModal();
  }
  event.target.closest("[data-closes]")?.closest("dialog").close();
  const copier = event.target.closest("[data-copies]");
  if (copier) {
    const field = document.getElementById(copier.dataset.copies);
    field.select();
    await navigator.clipboard?.writeText(field.value);
    copier.textContent = copier.dataset.done;
  }
});

for (const dialog of document.querySelectorAll("dialog[data-for-row]")) {
  const form = dialog.querySelector("form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const line = here();
    const { query } = line.closest("[data-query]").dataset;
    const values = { ...Object.fromEntries(new FormData(form)), row: "yes", back: query };
    dialog.close();
    form.reset();
    goTo(line);
    htmx.ajax("POST", line.dataset.path + form.dataset.path, { target: line, swap: "outerHTML", values });
  });
}

const toggle = document.querySelector("[data-keys-on]");
if (toggle) {
  toggle.checked = areKeysOn();
  toggle.addEventListener("change", () => localStorage.setItem(STORED, toggle.checked ? "on" : "off"));
}

const unhide = () => {
  for (const element of document.querySelectorAll("[data-needs-script]")) {
    element.hidden = false;
  }
};

const count = () => {
  const bulk = document.getElementById("bulk");
  if (bulk) {
    const many = chosen();
    const words = many ? `${many} selected` : "";
    const said = bulk.querySelector("[data-count]");
    if (said.textContent !== words) {
      said.textContent = words;
    }
  }
};

unhide();
count();
document.addEventListener("change", count);

// Words are searched for when they are sent, and not once more when the box is left.
document.getElementById("q")?.addEventListener("change", (event) => event.stopPropagation());

// Filters that say nothing stay out of the address.
document.addEventListener("formdata", (event) => {
  if (event.target.method === "get") {
    for (const [name, value] of [...event.formData]) {
      if (value === "") {
        event.formData.delete(name);
      }
    }
  }
});

// -- htmx -----------------------------------------------------------------------------------------------------------

document.addEventListener("htmx:beforeRequest", (event) => {
  // A page that nobody looks at need not ask.
  if (document.hidden && event.detail.elt.closest("[data-background]")) {
    event.preventDefault();
  }
});

let goOn = () => {};

document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig, serverResponse, target, xhr } = event.detail;
  // What was wrong with a form is said beside it.
  if (xhr.status === 422) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    return;
  }
  const asked = requestConfig.elt;
  if (asked.id === "older") {
    const last = lines().at(-1);
    goOn = () => goTo(lines()[lines().indexOf(last) + 1]);
  } else if (asked.id === "news-show") {
    // A conversation that comes in anew on top leaves its old place.
    const coming = new DOMParser().parseFromString(serverResponse, "text/html");
    for (const line of coming.querySelectorAll("[data-row]")) {
      document.getElementById(line.id)?.remove();
    }
    goOn = () => goTo(lines()[0]);
  } else if (asked.dataset?.then === "next") {
    current = target;
    goOn = () => go(1);
  }
});

document.addEventListener("htmx:afterSettle", () => {
  const next = goOn;
  goOn = () => {};
  next();
  unhide();
  count();
});
