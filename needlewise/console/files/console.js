// What the console's pages do by themselves. Everything works without it but the warning before one is signed out.

// A page that nobody uses must not go on showing what patients wrote. Each answer of the server begins the time anew, as it does there.
const idle = Number(document.body.dataset.idle);
if (idle) {
  const WARNING = 60;
  const dialog = document.getElementById("idle");
  let used = Date.now();

  const left = () => idle - (Date.now() - used) / 1000;

  const look = () => {
    if (left() <= 0) {
      location.assign("/staff/sign-in?done=idle");
    } else if (left() <= WARNING && !dialog.open) {
      dialog.showModal();
    }
  };

  document.body.addEventListener("htmx:afterRequest", (event) => {
    const asked = event.detail.elt;
    if (event.detail.successful && !asked.closest("[data-background]")) {
      used = Date.now();
      dialog.close();
    }
  });
  // A clock and not a timer of `idle` seconds: a laptop that was asleep looks at once when it wakes.
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
}

// On a phone the menu is pushed along: the page that one is on stands in it where it is seen.
const showEntry = () => {
  const entry = document.querySelector(".bar nav [aria-current]");
  const menu = entry?.closest("nav");
  if (menu) {
    menu.scrollLeft += entry.getBoundingClientRect().right - menu.getBoundingClientRect().right + 32;
  }
};
showEntry();
addEventListener("resize", showEntry);

// A page out of the browser's memory would show it all again after signing out.
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});
