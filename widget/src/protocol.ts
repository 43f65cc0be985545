/** What passes between the page that embeds the chat and the frame that holds it. No words of a patient leave the frame. */

/** From the page to the frame. `hello` comes first, when the frame has loaded; the frame answers it with `ready`. */
export type ToFrame =
  | { type: "hello"; accent: string }
  /** Shown; `focus` where the patient asked for it, so that the text box may take the focus. */
  | { type: "opened"; focus: boolean }
  | { type: "closed" }
  | { type: "send"; text: string };

/** From the frame to the page. */
export type ToHost =
  | { type: "ready" }
  | { type: "close" }
  | { type: "unread"; count: number }
  | { type: "message"; kind: string; id: string }
  /** Leave the page at once for a harmless one, with no way back to it. */
  | { type: "navigate-away"; url: string };

/** Every message is marked, since pages send messages of their own. */
export type Marked<Message> = Message & { needlewise: 1 };

/** A message of ours, or null. Whose it is, the caller has seen. */
export function read<Message>(data: unknown): Marked<Message> | null {
  return (data as Marked<Message> | null)?.needlewise ? (data as Marked<Message>) : null;
}

/** Sends to one window and to no other origin than the one named. */
export function post(target: Window, origin: string, message: ToFrame | ToHost): void {
  target.postMessage({ needlewise: 1, ...message }, origin);
}

/** What the service puts into the frame's page: the clinic and the words. Made by needlewise/channels/web/widget.py. */
export interface FrameConfig {
  /** The clinic's id and the language, for POST sessions. */
  clinic: string;
  language: string;
  name: string;
  /** As people write it, and as a tel: address. */
  phone: { shown: string; url: string } | null;
  /** "#rrggbb" */
  accent: string | null;
  fictional: boolean;
  example: boolean;
  /** The clinic answers a request with a fixed time. */
  confirmsTimes: boolean;
  /** Minutes without a sign of the patient after which the chat is forgotten on this computer; null for never. */
  idleMinutes: number | null;
  /** Questions to begin with. */
  questions: string[];
  /** The phrases of content/phrases/widget.yml by what follows the dot, without loader_… and page_… */
  strings: Record<string, string>;
}
