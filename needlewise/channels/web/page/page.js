/*
 * The chat on the service's own front page. It talks to chat/v1 and needs nothing else.
 * Text from outside enters the page only as text nodes, and only web, phone and mail links become links.
 */

const strings = {
  you: "You",
  assistant: "Assistant",
  kinds: {
    outcome: "What to do next",
    urgent: "Urgent",
    crisis: "Help right now",
    handoff: "A person at the clinic",
    notice: "Please note",
  },
  writing: "The assistant is writing.",
  choices: "You can pick:",
  tickAll: "Tick all that fit.",
  tickNone: "Tick at least one, or pick a button.",
  sendTicks: "Send what I ticked",
  or: "Or pick one:",
  optional: "(you can skip this)",
  sendForm: "Send",
  missing: "Please fill this in.",
  badEmail: "This does not look like an email address.",
  sources: "Where this comes from",
  newTab: "(opens in a new tab)",
  sending: "Sending",
  waiting: "It will be sent again soon.",
  notSent: "Not sent.",
  tryAgain: "Try again",
  empty: "Write your question first.",
  askPerson: "I want to talk to a person",
  askAgain: "Start over",
  over: "That chat has ended. Your next message starts a new one.",
  kept: "Your words are still in the box.",
  unclear: "Something went wrong. Please try again.",
  slowDown: "That was a lot at once.",
  noClinics: "We can’t load the clinic’s name right now. You can still write.",
  noHistory: "We can’t load what was said before.",
  forgotten: "This chat is erased.",
  notForgotten: "We could not erase it. Please try again.",
  forget: {
    title: "Forget this chat?",
    text: ["This erases what you wrote here. You can’t undo it.", "If you asked for a visit, the clinic keeps that."],
    yes: "Forget this chat",
    no: "Keep it",
  },
  change: {
    title: (name) => `Chat with ${name}?`,
    text: ["This starts a new chat.", "To erase the old chat, first pick “Forget this chat”."],
    yes: "Start a new chat",
    no: "Stay here",
  },
  privacy: {
    title: "Your privacy",
    text: [
      "Nothing is saved until you send your first message.",
      "After that, the clinic’s staff can read the chat. They check that the answers are right.",
      "Please leave out birth dates, ID numbers, and card numbers.",
      "“Forget this chat” erases what you wrote. If you asked for a visit, the clinic keeps that.",
      "This page has no ads and no trackers.",
    ],
    no: "Close",
  },
};

const kinds = new Set(["answer", "question", "outcome", "urgent", "crisis", "handoff", "notice"]);
const linkProtocols = new Set(["http:", "https:", "tel:", "mailto:"]);
const fieldTypes = new Set(["text", "tel", "email", "textarea"]);
const storeKey = "needlewise.chat";
const requestMilliseconds = 45_000;
const typingAfterMilliseconds = 500;
const longestOwnWaitSeconds = 60;

// -- small helpers ------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);

/** An element with these attributes and children; strings become text nodes, true an empty attribute. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

function button(label, act, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", act);
  return made;
}

/** A random UUID. crypto.randomUUID exists only on https and localhost; a phone may try the page over plain http. */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

let lastNumber = 0;
const freshId = (stem) => `${stem}-${(lastNumber += 1)}`;

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// -- what this tab remembers, from the first message on -------------------------------------------

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(storeKey)) ?? {};
  } catch {
    return {};
  }
}

function remember() {
  const waiting = [...chat.waiting].map(({ id, body, shown }) => ({ id, body, shown }));
  try {
    if (!chat.session && waiting.length === 0) sessionStorage.removeItem(storeKey);
    else sessionStorage.setItem(storeKey, JSON.stringify({ session: chat.session, clinic: chat.clinic, waiting }));
  } catch {
    // Storage may be switched off. The chat then lasts until the page is left.
  }
}

// -- the service ---------------------------------------------------------------------------------

/** The service's own no: an HTTP status, its sentence for the reader, and how long to wait. */
class Refusal extends Error {
  constructor(status, answer, seconds) {
    super(answer.message || strings.unclear);
    this.status = status;
    this.said = answer.message || null;
    this.seconds = seconds;
  }

  /** False when the same request may succeed later, as it is. */
  get final() {
    return this.status < 500 && this.status !== 408 && this.status !== 429;
  }
}

async function call(method, path, { token, body } = {}) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), requestMilliseconds);
  try {
    const response = await fetch(new URL(`chat/v1/${path}`, document.baseURI), {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      signal: stop.signal,
    });
    if (response.ok) return response.status === 204 ? {} : await response.json();
    const answer = await response.json().catch(() => ({}));
    throw new Refusal(response.status, answer ?? {}, Number(response.headers.get("Retry-After")) || 10);
  } finally {
    clearTimeout(timer);
  }
}

// -- text: the small Markdown the service writes ---------------------------------------------------

/** The address if it may be a link here, else null. */
function safeAddress(address) {
  try {
    const url = new URL(address);
    return linkProtocols.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function link(address, attributes, ...children) {
  const safe = safeAddress(address);
  if (!safe) return element("span", {}, ...children);
  const outside = safe.startsWith("http");
  const made = element("a", { href: safe, ...attributes }, ...children);
  if (outside) {
    made.setAttribute("target", "_blank");
    made.setAttribute("rel", "noopener noreferrer");
    made.append(element("span", { class: "unseen" }, ` ${strings.newTab}`));
  }
  return made;
}

const inlineMark = /\\([\\`*_[\]()#+\-.!<>])|\*\*(.+?)\*\*|\[([^\]]+)\]\(([^()\s]+)\)/s;

/** The nodes of one run of text: bold, links, escapes, line ends. */
function inline(text) {
  const nodes = [];
  let rest = text;
  for (let found = inlineMark.exec(rest); found; found = inlineMark.exec(rest)) {
    const [whole, escaped, bold, label, address] = found;
    nodes.push(...lines(rest.slice(0, found.index)));
    if (escaped) nodes.push(escaped);
    else if (bold) nodes.push(element("strong", {}, ...inline(bold)));
    else nodes.push(link(address, {}, ...inline(label)));
    rest = rest.slice(found.index + whole.length);
  }
  return [...nodes, ...lines(rest)];
}

function lines(text) {
  return text.split("\n").flatMap((line, index) => (index === 0 ? [line] : [element("br"), line]));
}

const listItem = /^\s*(?:[-*•]|(\d+)[.)])\s+(.*)$/;

/** Paragraphs and lists. A line that starts no list item belongs to the item or paragraph above it. */
function markdown(text) {
  const blocks = [];
  for (const part of text.replace(/\r\n?/g, "\n").trim().split(/\n\s*\n/)) {
    let open = null;
    for (const line of part.split("\n")) {
      const item = listItem.exec(line);
      const tag = item ? (item[1] ? "ol" : "ul") : "p";
      if (item && open?.tag === tag) open.runs.push(item[2]);
      else if (!item && open) open.runs[open.runs.length - 1] += `\n${line.trim()}`;
      else blocks.push((open = { tag, start: item?.[1], runs: [item ? item[2] : line] }));
    }
  }
  return blocks.map(({ tag, start, runs }) =>
    tag === "p"
      ? element("p", {}, ...inline(runs[0]))
      : element(tag, { start: start > 1 ? start : null }, ...runs.map((run) => element("li", {}, ...inline(run)))),
  );
}

// -- messages --------------------------------------------------------------------------------------

function patientItem(text) {
  return element(
    "li",
    { class: "message from-patient" },
    element("div", { class: "bubble" }, element("span", { class: "unseen" }, `${strings.you}: `), ...lines(text)),
  );
}

/** A message of the assistant; with its choices or form when `answerable`. */
function assistantItem(message, answerable) {
  const kind = kinds.has(message.kind) ? message.kind : "answer";
  const heading = strings.kinds[kind];
  const whoId = freshId("who");
  const textId = freshId("text");
  const alarm = kind === "urgent" || kind === "crisis";
  const article = element(
    "article",
    { tabindex: "-1", "aria-labelledby": whoId },
    element("p", { class: "who", id: whoId }, strings.assistant),
    heading ? element("p", { class: "kind" }, icon(kind === "handoff" ? "person" : kind), heading) : null,
    element("div", { class: "text", id: textId }, ...markdown(message.text ?? "")),
    messageLinks(message.links ?? [], alarm),
    messageSources(message.answers ?? []),
  );
  const item = element("li", { class: `message from-assistant kind-${kind}`, "data-id": message.id }, article);
  const controls = answerable ? messageControls(message, textId) : null;
  if (controls) article.append(controls);
  return item;
}

function messageLinks(links, alarm) {
  const shown = links.filter(({ url }) => safeAddress(url));
  if (shown.length === 0) return null;
  const signs = { "tel:": "phone", "mailto:": "mail" };
  return element(
    "ul",
    { class: alarm ? "links calls" : "links" },
    ...shown.map(({ label, url }) =>
      element("li", {}, link(url, { class: "go" }, icon(signs[new URL(url).protocol] ?? "out"), label)),
    ),
  );
}

function messageSources(answers) {
  const sources = new Map(answers.flatMap((answer) => answer.sources ?? []).map((source) => [source.id, source]));
  if (sources.size === 0) return null;
  const entries = [...sources.values()].map(({ title, publisher, year, url }) => {
    const from = [publisher, year].filter(Boolean).join(", ");
    const name = url ? link(url, {}, title) : element("span", {}, title);
    return element("li", {}, name, from ? element("small", {}, from) : null);
  });
  const summary = element("summary", {}, icon("source"), strings.sources, icon("down"));
  return element("details", { class: "sources" }, summary, element("ul", {}, ...entries));
}

/** What a screen reader is told of a message: its words and the choices, without sources and fields. */
function spokenWords(item, message) {
  const blocks = [...item.querySelectorAll(".kind, .text p, .text li, .links a")].map((block) => block.textContent.trim());
  const labels = (message.choices ?? []).map(({ label }) => label);
  if (labels.length > 0) blocks.push(`${strings.choices} ${labels.join(", ")}`);
  return blocks.map((block) => (/[.!?:]$/.test(block) ? block : `${block}.`)).join(" ");
}

// -- choices and forms -------------------------------------------------------------------------------

function messageControls(message, textId) {
  const choices = message.choices ?? [];
  const kind = message.input?.kind;
  const controls = element("div", { class: "controls" });
  if (kind === "form") controls.append(fieldsForm(message.input.fields ?? [], controls));
  if (kind === "many") controls.append(...tickForm(choices, controls, textId));
  else if (choices.length > 0) controls.append(choiceButtons(choices, controls, textId));
  return controls.childElementCount > 0 ? controls : null;
}

function choiceButtons(choices, controls, textId) {
  const buttons = choices.map(({ id, label }) =>
    button(label, () => send({ choices: [id] }, label, controls), { class: "choice" }),
  );
  return element("div", { class: "choices", role: "group", "aria-labelledby": textId }, ...buttons);
}

function tickForm(choices, controls, textId) {
  const alone = choices.filter((choice) => choice.alone);
  const hintId = freshId("hint");
  const problem = problemLine({ "data-whole": true });
  const boxes = choices
    .filter((choice) => !choice.alone)
    .map(({ id, label }) => element("label", { class: "tick" }, element("input", { type: "checkbox", value: id }), label));
  const form = element(
    "form",
    { novalidate: true },
    element(
      "fieldset",
      { "aria-labelledby": textId, "aria-describedby": hintId },
      element("p", { class: "hint", id: hintId }, strings.tickAll),
      ...boxes,
    ),
    problem,
    element("button", { class: "main" }, strings.sendTicks),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const ticked = [...form.querySelectorAll("input:checked")];
    problem.textContent = ticked.length === 0 ? strings.tickNone : "";
    if (ticked.length === 0) return form.querySelector("input")?.focus();
    const shown = ticked.map((box) => box.parentElement.textContent).join(", ");
    send({ choices: ticked.map((box) => box.value) }, shown, controls);
  });
  if (alone.length === 0) return [form];
  return [form, element("p", { class: "hint" }, strings.or), choiceButtons(alone, controls, textId)];
}

const problemLine = (attributes = {}) => element("p", { class: "problem", role: "alert", ...attributes });

function fieldsForm(fields, controls) {
  const rows = fields.map(fieldRow);
  const form = element(
    "form",
    { novalidate: true, class: "fields" },
    ...rows.map(({ row }) => row),
    problemLine({ "data-whole": true }),
    element("button", { class: "main" }, strings.sendForm),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wrong = rows.filter((row) => row.check());
    if (wrong.length > 0) return wrong[0].input.focus();
    const values = Object.fromEntries(rows.map(({ name, value }) => [name, value()]));
    const filled = rows.filter(({ value }) => value());
    send({ fields: values }, filled.map(({ label, value }) => `${label}: ${value()}`).join("\n"), controls);
  });
  return form;
}

function fieldRow({ name, type, label, autocomplete, required }) {
  const kind = fieldTypes.has(type) ? type : "text";
  const long = kind === "textarea";
  const id = freshId("field");
  const problem = problemLine({ id: `${id}-problem` });
  const input = element(long ? "textarea" : "input", {
    id,
    name,
    type: long ? null : kind,
    rows: long ? 3 : null,
    autocomplete: autocomplete || "off",
    required: Boolean(required),
    "aria-describedby": problem.id,
  });
  const optional = required ? null : element("span", { class: "optional" }, ` ${strings.optional}`);
  return {
    name,
    label,
    input,
    row: element("div", { class: "field" }, element("label", { for: id }, label, optional), input, problem),
    value: () => input.value.trim(),
    /** Shows what is wrong with the field; true when something is. */
    check() {
      const missing = required && !input.value.trim();
      const fault = missing ? strings.missing : input.validity.typeMismatch ? strings.badEmail : "";
      problem.textContent = fault;
      if (fault) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
      return Boolean(fault);
    },
  };
}

/** While its answer is on the way, a group of controls keeps the focus but does nothing. */
function hold(controls, held) {
  if (!controls) return;
  controls.toggleAttribute("data-held", held);
  for (const control of controls.querySelectorAll("button, input, textarea")) {
    if (held) control.setAttribute("aria-disabled", "true");
    else control.removeAttribute("aria-disabled");
  }
}

function retireControls() {
  for (const controls of byId("messages").querySelectorAll(".controls")) controls.remove();
}

// -- the chat ----------------------------------------------------------------------------------------

const chat = {
  clinics: [],
  clinic: null,
  /** {token, conversation} once the first message opened one. */
  session: null,
  /** Messages not yet taken by the service, oldest first. */
  waiting: new Set(),
  /** Ids of the assistant's messages on the page. */
  shown: new Set(),
  /** The last delivery; the next one starts when it ends, so that messages arrive in the order they were sent. */
  last: Promise.resolve(),
  /** Counts chats; what belongs to an older one is dropped when it arrives. */
  round: 0,
};

function send(body, shown, controls = null) {
  if (controls?.hasAttribute("data-held")) return;
  hold(controls, true);
  controls?.querySelector("[data-whole]")?.replaceChildren();
  trouble("");
  const entry = { id: uuid(), body, shown, controls, item: patientItem(shown), round: chat.round };
  enterTalk();
  byId("messages").append(entry.item);
  queue(entry);
  reveal(entry.item, "nearest");
}

function queue(entry) {
  chat.waiting.add(entry);
  remember();
  mark(entry, "sending");
  chat.last = chat.last.then(() => deliver(entry));
}

async function deliver(entry) {
  if (entry.round !== chat.round) return;
  const typing = setTimeout(() => showTyping(true), typingAfterMilliseconds);
  try {
    if (!chat.session) await openSession(entry);
    if (entry.round !== chat.round) return;
    const body = { id: entry.id, ...entry.body };
    const { messages } = await call("POST", "messages", { token: chat.session.token, body });
    if (entry.round === chat.round) taken(entry, messages ?? []);
  } catch (error) {
    if (entry.round === chat.round) notTaken(entry, error);
  } finally {
    clearTimeout(typing);
    showTyping(false);
  }
}

async function openSession(entry) {
  if (!chat.clinic) await loadClinics();
  const { round } = chat;
  const { token, conversation, messages } = await call("POST", "sessions", { body: { clinic: chat.clinic } });
  if (round !== chat.round) return;
  chat.session = { token, conversation };
  remember();
  for (const message of messages ?? []) addMessage(message, { before: entry.item });
}

function taken(entry, messages) {
  const heldFocus = entry.controls?.contains(document.activeElement) || document.activeElement === document.body;
  chat.waiting.delete(entry);
  remember();
  mark(entry, "sent");
  // After a reload the history may hold the message and its answer already.
  if (messages.length > 0 && messages.every(({ id }) => chat.shown.has(id))) return entry.item.remove();
  retireControls();
  // Later messages of the patient may already stand below this one; its answer goes right after it.
  let place = entry.item.nextSibling;
  const items = messages.map((message) => addMessage(message, { before: place, answerable: true })).filter(Boolean);
  const tall = entry.item.offsetHeight > byId("scroll").clientHeight / 3;
  reveal(tall && items.length > 0 ? items[0] : entry.item, "start");
  if (heldFocus) items[0]?.querySelector("article").focus({ preventScroll: true });
}

function notTaken(entry, error) {
  if (!(error instanceof Refusal)) return mark(entry, "unsent");
  if (error.status === 401) return sessionOver(error);
  if (error.status === 429 && error.seconds <= longestOwnWaitSeconds) return sendLater(entry, error);
  if (!error.final) return mark(entry, "unsent", error.said);
  chat.waiting.delete(entry);
  remember();
  entry.item.remove();
  if (entry.body.text !== undefined) giveBack(entry.shown);
  hold(entry.controls, false);
  const inForm = entry.controls?.querySelector("[data-whole]");
  if (inForm) inForm.textContent = error.message;
  else trouble(error.message);
}

async function sendLater(entry, error) {
  mark(entry, "later", error.said ?? strings.slowDown);
  await pause(error.seconds * 1000);
  if (entry.round === chat.round && chat.waiting.has(entry)) queue(entry);
}

function sessionOver(error, waiting = [...chat.waiting]) {
  const texts = waiting.filter(({ body }) => body.text !== undefined).map(({ shown }) => shown);
  for (const { item } of waiting) item?.remove();
  leaveChat();
  retireControls();
  const words = [error.said ?? strings.over, texts.length > 0 ? strings.kept : ""].join(" ").trim();
  const line = element("li", { class: "divide" }, element("p", {}, words));
  byId("messages").append(line);
  giveBack(texts.join("\n"));
  speak(words);
  reveal(line, "nearest");
}

/** Drops the session and what waits to be sent. What is on the page stays. */
function leaveChat() {
  chat.round += 1;
  chat.session = null;
  chat.waiting.clear();
  chat.last = Promise.resolve();
  remember();
}

function giveBack(text) {
  const box = byId("say");
  box.value = [text, box.value].filter(Boolean).join("\n");
  fitBox();
  if (text) box.focus();
}

async function forget() {
  if (!(await ask(strings.forget))) return;
  try {
    const { message } = chat.session ? await call("DELETE", "session", { token: chat.session.token }) : {};
    clearChat();
    addMessage({ id: uuid(), kind: "notice", text: message || strings.forgotten });
    byId("start-title").focus({ preventScroll: true });
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) sessionOver(error);
    else trouble(error.said ?? strings.notForgotten);
  }
}

function clearChat() {
  leaveChat();
  chat.shown.clear();
  byId("messages").replaceChildren();
  byId("spoken").replaceChildren();
  byId("say").value = "";
  fitBox();
  trouble("");
  document.documentElement.removeAttribute("data-talk");
  byId("after").hidden = true;
  window.scrollTo(0, 0);
  byId("scroll").scrollTo(0, 0);
}

// -- what the page shows -------------------------------------------------------------------------------

/** The new item, or null when the message is on the page already. */
function addMessage(message, { before = null, answerable = false, aloud = true } = {}) {
  if (chat.shown.has(message.id)) return null;
  chat.shown.add(message.id);
  const item = assistantItem(message, answerable);
  byId("messages").insertBefore(item, before);
  if (aloud) speak(`${strings.assistant}: ${spokenWords(item, message)}`);
  return item;
}

function speak(words) {
  const spoken = byId("spoken");
  spoken.append(element("p", {}, words));
  while (spoken.childElementCount > 8) spoken.firstElementChild.remove();
}

function mark(entry, state, said = null) {
  entry.item.querySelector(".state")?.remove();
  entry.item.dataset.state = state;
  if (state === "sent") return;
  const line = element("p", { class: "state" });
  entry.item.append(line);
  if (state === "sending") line.append(element("span", { class: "unseen" }, strings.sending));
  if (state === "later") line.append(`${said} ${strings.waiting}`);
  if (state === "unsent") {
    const words = said ? `${strings.notSent} ${said}` : strings.notSent;
    line.append(`${words} `, button(strings.tryAgain, () => retry(entry), { class: "link" }));
  }
  if (state === "sending") return;
  speak(line.textContent);
  reveal(line, "nearest");
}

function retry(entry) {
  if (entry.item.dataset.state !== "unsent") return;
  // The button that was pressed goes away; its message keeps the place for the keyboard.
  entry.item.tabIndex = -1;
  entry.item.focus({ preventScroll: true });
  queue(entry);
}

function retryAll() {
  for (const entry of [...chat.waiting]) retry(entry);
}

function showTyping(on) {
  const place = byId("typing");
  if (on === place.hasChildNodes()) return;
  place.replaceChildren();
  if (!on) return;
  place.append(element("span", { class: "unseen" }, strings.writing), element("i"), element("i"), element("i"));
  if (!byId("messages").lastElementChild?.matches(".from-assistant")) reveal(place, "nearest");
}

function trouble(words, label = null, act = null) {
  const place = byId("trouble");
  place.replaceChildren();
  if (!words) return;
  place.append(element("span", {}, words));
  if (act) place.append(button(label, act, { class: "link" }));
}

function reveal(item, block, behavior = "auto") {
  item.scrollIntoView({ block, inline: "nearest", behavior });
}

function enterTalk() {
  document.documentElement.setAttribute("data-talk", "");
  byId("after").hidden = false;
}

/** A question in a dialog; true when the answer is yes. Without a `yes` it only tells. */
function ask({ title, text, yes, no }) {
  const dialog = byId("ask");
  byId("ask-title").textContent = title;
  byId("ask-text").replaceChildren(...text.map((line) => element("p", {}, line)));
  byId("ask-yes").textContent = yes ?? "";
  byId("ask-yes").hidden = !yes;
  byId("ask-no").textContent = no;
  dialog.returnValue = "no";
  dialog.showModal();
  byId("ask-no").focus();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
  });
}

// -- the clinic and the history -----------------------------------------------------------------------

async function loadClinics() {
  chat.clinics = await call("GET", "clinics");
  const known = chat.clinics.some(({ id }) => id === chat.clinic);
  if (!known) chat.clinic = chat.clinics[0]?.id ?? null;
  const select = byId("clinic");
  select.replaceChildren(...chat.clinics.map(({ id, name }) => element("option", { value: id }, name)));
  select.disabled = chat.clinics.length < 2;
  showClinic();
}

function showClinic() {
  byId("clinic").value = chat.clinic;
  const { fictional = false, example = false } = chat.clinics.find(({ id }) => id === chat.clinic) ?? {};
  for (const part of document.querySelectorAll(".made-up")) part.hidden = !fictional;
  for (const part of document.querySelectorAll(".example")) part.hidden = !example;
  document.querySelector(".real").hidden = fictional;
}

async function changeClinic() {
  const { value, selectedOptions } = byId("clinic");
  const { title, ...words } = strings.change;
  const talking = chat.session || chat.waiting.size > 0;
  const agreed = !talking || (await ask({ ...words, title: title(selectedOptions[0].label) }));
  if (agreed) {
    clearChat();
    chat.clinic = value;
  }
  showClinic();
}

/** After a reload: what was said, and once more what had no answer yet. */
async function resume({ session, clinic, waiting = [] }) {
  chat.session = session ?? null;
  chat.clinic = clinic ?? null;
  if (!chat.session && waiting.length === 0) return;
  enterTalk();
  if (chat.session) {
    try {
      const { messages } = await call("GET", "messages", { token: chat.session.token });
      showHistory(messages ?? [], waiting);
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) return sessionOver(error, waiting);
      trouble(strings.noHistory, strings.tryAgain, () => location.reload());
    }
  }
  for (const { id, body, shown } of waiting) {
    const entry = { id, body, shown, controls: null, item: patientItem(shown), round: chat.round };
    byId("messages").append(entry.item);
    queue(entry);
  }
  const last = byId("messages").lastElementChild;
  if (last) reveal(last, "end", "instant");
}

function showHistory(messages, waiting) {
  const lastOwn = messages.findLastIndex(({ from }) => from === "patient");
  messages.forEach((message, index) => {
    if (message.from !== "patient") return addMessage(message, { answerable: index > lastOwn, aloud: false });
    // The service may have taken the message and not answered it. Then the one that waits stands for it.
    const waits = index === messages.length - 1 && waiting.some(({ shown }) => shown === message.text);
    if (!waits) byId("messages").append(patientItem(message.text ?? ""));
  });
}

// -- the text box and the screen ------------------------------------------------------------------------

const growsByItself = CSS.supports("field-sizing", "content");

function fitBox() {
  if (growsByItself) return;
  const box = byId("say");
  box.style.blockSize = "auto";
  box.style.blockSize = `${box.scrollHeight + 2}px`;
}

function sendBox() {
  const box = byId("say");
  const text = box.value.trim();
  if (!text) {
    trouble(strings.empty);
    return box.focus();
  }
  box.value = "";
  fitBox();
  send({ text }, text);
}

/** Phones that lay the keyboard over the page: what is pinned to its edges moves into the part still seen. */
function followKeyboard() {
  const { height, offsetTop, scale } = window.visualViewport;
  const covered = scale > 1.01 ? 0 : Math.max(0, window.innerHeight - height - offsetTop);
  const { style } = document.documentElement;
  style.setProperty("--covered-below", `${covered}px`);
  style.setProperty("--covered-above", `${covered > 0 ? offsetTop : 0}px`);
}

/** Keeps what is scrolled to, and what has the focus, clear of the parts pinned to the edges. */
function measure() {
  const { style } = document.documentElement;
  // On a low screen only .heed is pinned, and .top has no box of its own.
  const pinned = document.querySelector(".top").offsetHeight || document.querySelector(".heed").offsetHeight;
  style.setProperty("--top-size", `${pinned}px`);
  style.setProperty("--end-size", `${document.querySelector(".end").offsetHeight}px`);
  const scroll = byId("scroll");
  const scrolls = getComputedStyle(scroll).overflowY !== "visible" && scroll.scrollHeight > scroll.clientHeight;
  if (scrolls) scroll.tabIndex = 0;
  else scroll.removeAttribute("tabindex");
}

function begin() {
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    sendBox();
  });
  byId("say").addEventListener("input", fitBox);
  byId("say").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    sendBox();
  });
  byId("examples").addEventListener("click", ({ target }) => {
    const label = target.closest("button")?.textContent;
    if (label) send({ text: label }, label);
  });
  byId("person").addEventListener("click", () => send({ text: strings.askPerson }, strings.askPerson));
  byId("again").addEventListener("click", () => send({ text: strings.askAgain }, strings.askAgain));
  byId("forget").addEventListener("click", forget);
  byId("privacy").addEventListener("click", () => ask(strings.privacy));
  byId("clinic").addEventListener("change", changeClinic);
  window.addEventListener("online", retryAll);
  window.visualViewport?.addEventListener("resize", followKeyboard);
  window.visualViewport?.addEventListener("scroll", followKeyboard);

  const sizes = new ResizeObserver(measure);
  for (const part of [".top", ".heed", ".end", "#scroll", "#messages"]) sizes.observe(document.querySelector(part));

  const past = remembered();
  chat.clinic = past.clinic ?? null;
  loadClinics().catch(() => trouble(strings.noClinics));
  resume(past);
}

begin();
