// Bookings: printing, and where the keyboard stands after a row was put anew.

const showPrint = (root) => {
  for (const button of root.querySelectorAll("[data-print]")) {
    button.hidden = false;
  }
};

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) {
    window.print();
  }
});

// The button that was pressed is gone with its row: go on from the row's number.
document.addEventListener("htmx:afterSwap", (event) => {
  const pressed = event.detail.requestConfig?.elt;
  if (pressed?.closest?.("#rows") || event.detail.target?.matches?.("tr")) {
    const row = document.getElementById(event.detail.target.id);
    row?.querySelector("th a")?.focus();
  }
  showPrint(document);
});

showPrint(document);
