import type { FrameConfig, ToFrame } from "../protocol";
import type { Body, Message, Session } from "../wire";
import { accentColors } from "./accent";
import * as api from "./api";
import { element, randomId } from "./dom";
import { follow } from "./follow";
import { joinHost } from "./host";
import { hasLapsed, watchIdle } from "./idle";
import { outbox, type Entry } from "./queue";
import { joinTabs, remember, remembered } from "./session";
import { voice } from "./speak";
import { link } from "./text";
import { composer } from "./view/composer";
import { openDialog, paragraphs } from "./view/dialog";
import { mark, messageList, reveal } from "./view/list";
import { openMenu } from "./view/menu";
import { isAlarm, spokenWords } from "./view/message";
import { shell } from "./view/shell";
import { setWords, word } from "./words";

const TYPING_AFTER = 400;
/** Where a quick exit leads: a page of the US weather service, which says nothing about who opened it. */
const HARMLESS = "https://www.weather.gov/";

/** An entry with its place on the page, and what it was answered by. */
interface Sent extends Entry {
  item: HTMLElement;
  controls: HTMLElement | null;
}

/** Builds the chat on the page and starts it. */
export function startChat(config: FrameConfig): void {
  const { clinic, language, phone, idleMinutes } = config;
  setWords(config.strings);
  const root = document.documentElement;
  let session: Session | null = null;
  /** The newest message of the history that was read; what came after is asked for. */
  let cursor = "";
  /** What the patient said here since then. */
  let own: string[] = [];
  /** Ids that the line told of, and whether something may have been said that it did not tell of. */
  let news: string[] = [];
  let behind = false;
  /** What had no answer yet when the page was left. */
  let left: Entry[] = [];
  let stopFollowing: () => void = () => undefined;
  let open = false;
  let unread = 0;
  let activeAt = Date.now();

  const { elements, say: speak, clear: hush } = voice();
  const list = messageList(send, async (message, verdict, reason) => session && api.rate(session.token, message, verdict, reason));
  const writing = composer(say);
  const host = joinHost(hear);
  const { title, main, trouble, leave } = shell(config, list.element, writing.element, host.framed, {
    menu: () => openMenu(list.items, list.items.hasChildNodes(), () => say(word("restart")), askToForget),
    close: () => host.tell({ type: "close" }),
    leave: leaveAtOnce,
    say,
  });
  const tabs = joinTabs(
    clinic,
    () => session,
    (other) => {
      if (!session && !entries.length) resume(other, []);
    },
    (conversation) => {
      if (session?.conversation === conversation) wipe(word("forgotten"));
    },
  );

  // -- sending ----------------------------------------------------------------------------------------

  const { entries, ...box } = outbox<Sent>({
    async deliver({ id, body, item }) {
      const typing = setTimeout(() => list.typing(true), TYPING_AFTER);
      try {
        return (await api.sendMessage((session ?? (await begin(item))).token, id, body)).messages;
      } finally {
        clearTimeout(typing);
        list.typing(false);
      }
    },
    sending: ({ item }) => mark(item, "sending"),
    waits({ item }, attempt, said = word("waiting")) {
      mark(item, "waiting", said, box.nudge);
      if (attempt === 0) speak(said);
      if (attempt !== 1) return;
      unreached();
      // What it says takes room from the list, below which the message would stand.
      reveal(item);
    },
    taken,
    refused({ item, body, shown, controls }, { message }) {
      item.remove();
      if (controls) controls.inert = false;
      if ("text" in body) writing.giveBack(shown);
      const problem = controls?.querySelector(".whole");
      if (problem) problem.textContent = message;
      else writing.say(message);
    },
    over: sessionOver,
    changed: keep,
  });

  function say(text: string): void {
    send({ text }, text);
  }

  function send(body: Body, shown: string, controls: HTMLElement | null = null): void {
    writing.say("");
    const item = enter({ id: randomId(), body, shown }, controls);
    if (!controls) return;
    // They are answered once. The focus waits with the answer, and goes on to what comes back.
    controls.inert = true;
    item.focus({ preventScroll: true });
  }

  function enter(entry: Entry, controls: HTMLElement | null): HTMLElement {
    const item = list.addOwn(entry.shown);
    talking(true);
    box.add({ ...entry, item, controls });
    reveal(item);
    return item;
  }

  async function begin(before: HTMLElement): Promise<Session> {
    const { token, conversation, messages } = await api.openSession(clinic, language);
    session = { token, conversation };
    keep();
    tabs.tell();
    for (const message of messages) show(message, before);
    listen();
    return session;
  }

  function taken({ item, shown }: Sent, messages: Message[]): void {
    mark(item, "");
    reached();
    // After a reload the history may hold the message and its answer already.
    if (messages.length && messages.every(({ id }) => list.shown.has(id))) item.remove();
    else {
      own.push(shown);
      list.retireControls();
      // Later messages of the patient may already stand below this one; its answer goes right after it.
      const before = item.nextSibling;
      const items = messages.map((message) => show(message, before, true, true));
      const tall = item.offsetHeight > main.clientHeight / 3;
      const first = items[0];
      const alarm = items.find((_, index) => messages[index] && isAlarm(messages[index]));
      reveal(alarm ?? (tall && first ? first : item));
      if (document.activeElement === item) first?.querySelector("article")?.focus({ preventScroll: true });
    }
    settle();
  }

  /** Puts a message on the page, and tells of it `aloud` who does not see it. */
  function show(message: Message, before: Node | null = null, answerable = false, aloud = false): HTMLElement | null {
    const item = list.add(message, answerable, before);
    if (item) {
      talking(true);
      if (message.quick_exit) leave.hidden = false;
      if (aloud) {
        speak(spokenWords(item, message), isAlarm(message));
        host.tell({ type: "message", kind: message.kind ?? "answer", id: message.id });
        if (!open) host.tell({ type: "unread", count: (unread += 1) });
      }
    }
    return item;
  }

  // -- what came otherwise ------------------------------------------------------------------------------

  function listen(): void {
    stopFollowing();
    if (session && !document.hidden)
      stopFollowing = follow(
        session.token,
        catchUp,
        (id) => {
          news.push(id);
          settle();
        },
        (refusal) => sessionOver(refusal, [...left, ...entries]),
        () => {
          if (!cursor) unreached();
        },
      );
  }

  /** Once nothing is on its way, what is still not on the page came from staff or another tab. */
  function settle(): void {
    if (entries.length) return;
    const missing = behind || news.some((id) => !list.shown.has(id));
    news = [];
    if (missing) catchUp().catch(listen);
  }

  async function catchUp(): Promise<void> {
    behind = entries.length > 0;
    if (!session || behind) return;
    const asked = session;
    const first = !cursor && !list.items.hasChildNodes();
    const { messages } = await api.history(asked.token, cursor);
    if (session !== asked) return;
    const lastOwn = messages.map(({ from }) => from).lastIndexOf("patient");
    for (const [index, message] of messages.entries()) {
      const { text } = message;
      if (message.from === "patient") {
        // It is on its way from here: the rest is asked for when it has arrived.
        behind = entries.some(({ shown }) => shown === text);
        if (behind) return;
        if (!own.includes(text)) {
          list.retireControls();
          list.addOwn(text);
        } else own.splice(own.indexOf(text), 1);
      } else {
        const item = show(message, null, index > lastOwn, !first);
        if (item && !first) reveal(item);
      }
      cursor = message.id;
    }
    own = [];
    reached();
    if (first || left.length) goOn();
  }

  /** After a reload or from another tab: what was said, and once more what had no answer yet. */
  function resume(past: Session | null, waiting: Entry[]): void {
    session = past;
    talking(true);
    left = waiting;
    if (session) listen();
    else goOn();
  }

  /** Sends what was left, once it is known what was said before. */
  function goOn(): void {
    const last = list.items.lastElementChild;
    // The service may have taken the last message and not answered it. Then the one that waits stands for it.
    if (left[0] && last?.matches(".own") && last.textContent?.endsWith(left[0].shown)) last.remove();
    for (const entry of left) enter(entry, null);
    left = [];
    if (list.items.lastElementChild) reveal(list.items.lastElementChild);
    keep();
  }

  // -- the end of a chat -----------------------------------------------------------------------------------

  function sessionOver({ said = word("over") }: api.Refusal, waiting: (Entry & Partial<Sent>)[]): void {
    for (const { item } of waiting) item?.remove();
    const texts = waiting.filter(({ body }) => "text" in body).map(({ shown }) => shown);
    drop();
    list.retireControls();
    const words = texts.length ? `${said} ${word("kept")}` : said;
    reveal(list.addLine(words));
    speak(words);
    writing.giveBack(texts.join("\n"));
  }

  /** Forgets the session and what waits. What is on the page stays. */
  function drop(): void {
    stopFollowing();
    session = null;
    cursor = "";
    own = news = [];
    left = [];
    reached();
    box.clear();
  }

  /** Clears the chat from this tab. */
  function wipe(words: string): void {
    drop();
    list.clear();
    hush();
    document.querySelector("dialog")?.close();
    leave.hidden = true;
    talking(false);
    writing.box.value = "";
    writing.giveBack("");
    writing.say(words);
    title.focus();
  }

  function askToForget(): void {
    openDialog(word("forget_title"), paragraphs(word("forget_text")), [word("forget_no")], [
      word("forget"),
      async () => {
        try {
          const { message } = session ? await api.forget(session.token) : { message: word("forgotten") };
          if (session) tabs.forgotten(session.conversation);
          wipe(message);
        } catch (error) {
          if (api.isOver(error)) sessionOver(error, []);
          else writing.say(word("unclear"));
        }
      },
    ]);
  }

  /** Quick exit: away from here, with nothing left on this screen or in this browser's tabs. */
  function leaveAtOnce(): void {
    if (session) tabs.forgotten(session.conversation);
    wipe("");
    if (host.framed) host.tell({ type: "navigate-away", url: HARMLESS });
    else location.replace(HARMLESS);
  }

  // -- the page and the host ------------------------------------------------------------------------------------

  function talking(on: boolean): void {
    root.toggleAttribute("data-talk", on);
  }

  function unreached(): void {
    trouble.replaceChildren(word("unreached"), ...(phone ? [` ${word("or_call")} `, link(phone.url, "", phone.shown)] : []));
  }

  function reached(): void {
    if (trouble.hasChildNodes() && session) speak(word("back"));
    trouble.replaceChildren();
  }

  function keep(): void {
    remember(clinic, { session, waiting: [...left, ...entries], at: activeAt });
  }

  let warning: HTMLDialogElement | null = null;
  const countdown = element("p");

  /** The time of a shared computer is nearly up, or, with 0 seconds left, up. */
  function nearlyUp(seconds: number): void {
    if (!list.items.hasChildNodes()) return;
    if (!seconds) return wipe(word("idle_over"));
    countdown.textContent = `${word("idle_left")} ${seconds}`;
    if (!warning?.open)
      warning = openDialog(word("idle_title"), [...paragraphs(word("idle_text")), countdown], [word("idle_yes")]);
  }

  function active(): void {
    const before = activeAt;
    activeAt = Date.now();
    warning?.close();
    if (session && activeAt - before > 10_000) keep();
  }

  function tint(accent: string | null): void {
    for (const [name, color] of accentColors(accent ?? "")) root.style.setProperty(name, color);
  }

  function hear(message: ToFrame): void {
    if (message.type === "hello") tint(message.accent);
    if (message.type === "send") say(message.text);
    if (message.type === "closed") open = false;
    if (message.type !== "opened") return;
    open = true;
    if (unread) host.tell({ type: "unread", count: (unread = 0) });
    if (!message.focus) return;
    // On a touch screen the box would bring up the keyboard over the first thing there is to read.
    (matchMedia("(pointer:fine)").matches ? writing.box : title).focus();
  }

  tint(config.accent);
  document.body.append(...elements);
  document.addEventListener("pointerdown", active);
  document.addEventListener("keydown", ({ key }) => {
    active();
    if (key === "Escape" && !document.querySelector("dialog")) host.tell({ type: "close" });
  });
  // A file dropped on the page would replace the chat.
  for (const kind of ["dragover", "drop"] as const)
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      writing.say(word("only_words"));
    });
  window.addEventListener("online", box.nudge);
  document.addEventListener("visibilitychange", () => (document.hidden ? stopFollowing() : listen()));
  if (idleMinutes) watchIdle(idleMinutes, () => activeAt, nearlyUp);

  const past = remembered(clinic);
  if (past && !hasLapsed(past.at, idleMinutes, Date.now())) resume(past.session, past.waiting);
  else {
    keep();
    tabs.ask();
  }
}
