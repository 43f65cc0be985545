/** The button on the clinic's page and the panel that holds the chat's frame. It asks for nothing before it is touched. */
import css from "./launcher.css?inline";
import type { Marked, ToFrame, ToHost } from "./protocol";

/** All as written in attributes. */
export interface Options {
  readonly clinic?: string | undefined;
  /** The bottom corner: start or end, which is the default. */
  readonly position?: string | undefined;
  /** "#rrggbb"; made darker where white could not be read on it. */
  readonly accent?: string | undefined;
  readonly language?: string | undefined;
  readonly label?: string | undefined;
  /** The clinic's number, shown where the chat cannot be reached and `host` holds nothing to show instead. */
  readonly phone?: string | undefined;
  readonly zIndex?: string | undefined;
  /** Open at once where it is given, without taking the focus; not on phones, where the chat covers the page. */
  readonly open?: string | undefined;
  /** Seconds until the button greets; it does not without them. */
  readonly greetingDelay?: string | undefined;
}

/** What an event's `detail` holds. */
export interface Events {
  ready: null;
  open: null;
  close: null;
  unread: { count: number };
  /** A message came from the assistant or from staff: which kind, never its words. */
  message: { kind: string; id: string };
}

export type Listener<Name extends keyof Events> = (event: CustomEvent<Events[Name]>) => void;

/** The same for pages (window.Needlewise) and for the element. */
export interface Chat {
  open(): void;
  close(): void;
  /** Opens the chat and sends this as the patient's words. */
  send(text: string): void;
  on<Name extends keyof Events>(event: Name, listener: Listener<Name>): void;
  off<Name extends keyof Events>(event: Name, listener: Listener<Name>): void;
}

type Words = Record<"launcher" | "greeting" | "opening" | "close" | "unread", string>;

/** Screens on which the chat covers the page. */
const SMALL = "(width<560px),(height<480px)";

/**
 * Draws the button in a shadow root of `host`. What `host` holds is shown in the panel until the chat is there. `service` is the
 * address of the service, with a slash at its end.
 */
export function mount(host: HTMLElement, service: string, options: Options): Chat {
  const { clinic, phone, accent = "", language = document.documentElement.lang, greetingDelay } = options;
  const words = (LOADER_STRINGS[language.slice(0, 2)] ?? LOADER_STRINGS["en"]) as Words;
  const { origin } = new URL(service);
  const small = matchMedia(SMALL);
  const screen = window.visualViewport as VisualViewport;
  const unsent: string[] = [];
  let label = options.label ?? words.launcher;
  let frame: HTMLIFrameElement | null = null;
  let ready = false;
  /** Whether the frame has come and is not ready, or was given up: an error page, as far as anyone can see from here. */
  let failed = false;
  let focus = false;

  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  const side = options.position === "start" ? "20px auto" : "auto 20px";
  host.style.cssText = `--nw-side:${side};--nw-accent:${accent};--nw-layer:${options.zIndex ?? 2147483000}`;

  const launcher = element(root, "button", { textContent: label, ariaExpanded: "false", onclick: open });
  launcher.setAttribute("aria-controls", "chat");
  launcher.onpointerenter = launcher.onfocus = load;

  const panel = element(root, "dialog", { id: "chat", ariaLabel: words.launcher });
  const meanwhile = element(panel, "p", { textContent: words.opening });
  const instead = element(meanwhile, "slot");
  if (phone) element(instead, "a", { href: `tel:${phone}`, textContent: phone });
  const leave = element(meanwhile, "button", { textContent: words.close, onclick: close });

  panel.onkeydown = ({ key }) => key === "Escape" && close();
  // Where it is open still, it was closed only to be shown the other way.
  panel.onclose = () => panel.open || closed();
  small.onchange = () => {
    if (panel.open) {
      panel.close();
      show();
    }
  };
  screen.onresize = screen.onscroll = fit;
  addEventListener("message", ({ data, origin: from, source }: MessageEvent<Marked<ToHost> | null>) => {
    if (frame && source === frame.contentWindow && from === origin && data?.needlewise) hear(data);
  });
  if (greetingDelay) setTimeout(() => (launcher.textContent = label = words.greeting), +greetingDelay * 1000);
  if (options.open != null && !small.matches) show();

  function load(): void {
    if (frame && !failed) return;
    failed = false;
    frame?.remove();
    frame = element(panel, "iframe", {
      title: words.launcher,
      src: `${service}chat/frame?clinic=${clinic}&lang=${language}`,
      onload() {
        failed = !ready;
        tell({ type: "hello", accent });
      },
    });
  }

  function open(): void {
    focus = true;
    show();
    emit("open");
  }

  function show(): void {
    load();
    // The attribute and not show(), which takes the focus.
    if (small.matches) panel.showModal();
    else panel.open = true;
    launcher.ariaExpanded = "true";
    fit();
    enter();
  }

  function enter(): void {
    if (focus) (ready ? (frame as HTMLElement) : leave).focus();
    if (!ready) return;
    tell({ type: "opened", focus });
    for (const text of unsent.splice(0)) tell({ type: "send", text });
  }

  function close(): void {
    panel.close();
  }

  function closed(): void {
    launcher.ariaExpanded = "false";
    launcher.focus();
    emit("close");
    failed = !ready;
    tell({ type: "closed" });
  }

  /** On phones the panel keeps to the part of the screen that the keyboard leaves. */
  function fit(): void {
    if (screen.scale < 1.01) panel.style.cssText = `--nw-seen:${screen.height}px;--nw-top:${screen.offsetTop}px`;
  }

  function tell(message: ToFrame): void {
    frame?.contentWindow?.postMessage({ needlewise: 1, ...message }, origin);
  }

  function hear(message: ToHost): void {
    const { type } = message;
    if (type === "close") close();
    else if (type === "navigate-away") {
      host.remove();
      location.replace(message.url);
    } else {
      if (type === "ready") {
        ready = true;
        failed = false;
        meanwhile.remove();
        if (panel.open) enter();
      }
      if (type === "unread") launcher.textContent = message.count ? `${label} (${message.count} ${words.unread})` : label;
      emit(type, message);
    }
  }

  function emit(name: keyof Events, detail?: object): void {
    host.dispatchEvent(new CustomEvent(name, { detail }));
  }

  return {
    open,
    close,
    send(text) {
      unsent.push(text);
      open();
    },
    on: host.addEventListener.bind(host) as Chat["on"],
    off: host.removeEventListener.bind(host) as Chat["off"],
  };
}

export function element<Name extends keyof HTMLElementTagNameMap>(
  parent: Node,
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
): HTMLElementTagNameMap[Name] {
  return parent.appendChild(Object.assign(document.createElement(name), properties));
}
