/** widget.js: reads the options of its own script element, draws the button, and gives the page window.Needlewise. */
import { element, mount, type Chat } from "./launcher";

declare global {
  interface Window {
    Needlewise?: Chat;
  }
}

// Known only while the script runs for the first time.
const script = document.currentScript as HTMLScriptElement;

function start(): void {
  if (!document.body) {
    setTimeout(start, 9);
  } else if (!window.Needlewise) {
    const host = element(document.body, "div");
    window.Needlewise = mount(host, new URL(".", script.src).href, script.dataset);
    // The snippet's line with the clinic's number stood in for the button until now; from here on it stands in for the chat.
    host.append(...document.querySelectorAll(".needlewise-phone"));
  }
}

start();
