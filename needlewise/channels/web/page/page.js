// The questions on the page open the chat and ask. Everything else here is the chat's own script, as on any website.

const section = document.getElementById("questions");

section.hidden = false;
section.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (button) window.Needlewise?.send(button.textContent);
});
