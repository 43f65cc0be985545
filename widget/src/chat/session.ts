import type { Session } from "../wire";
import type { Entry } from "./queue";

/** What one tab remembers, from the first message on. */
export interface Remembered {
  session: Session | null;
  waiting: Entry[];
  /** When the patient was last active, in milliseconds since 1970. */
  at: number;
}

const name = (clinic: string): string => `needlewise.${clinic}`;

/** Storage may be switched off, or closed to frames. The chat then lasts until the page is left. */
export function remembered(clinic: string): Remembered | null {
  try {
    return JSON.parse(sessionStorage.getItem(name(clinic)) ?? "null") as Remembered | null;
  } catch {
    return null;
  }
}

/** Keeps this for a reload; nothing is kept where there is no session and nothing waits. */
export function remember(clinic: string, { session, waiting, at }: Remembered): void {
  try {
    if (session || waiting.length) {
      const plain = waiting.map(({ id, body, shown }) => ({ id, body, shown }));
      sessionStorage.setItem(name(clinic), JSON.stringify({ session, waiting: plain, at }));
    } else sessionStorage.removeItem(name(clinic));
  } catch {
    // See above.
  }
}

/** Between the tabs of one browser that show one clinic on one website. `gone` names a conversation that was forgotten. */
type Said = "ask" | { session: Session } | { gone: string };

export interface Tabs {
  /** Asks the other tabs for their session; `joined` is told of it. */
  ask(): void;
  tell(): void;
  forgotten(conversation: string): void;
}

/** `own` is this tab's session; `joined` is told of another tab's, `gone` of one that was forgotten there. */
export function joinTabs(
  clinic: string,
  own: () => Session | null,
  joined: (session: Session) => void,
  gone: (conversation: string) => void,
): Tabs {
  let channel: BroadcastChannel | undefined;
  const say = (said: Said): void => channel?.postMessage(said);
  const tell = (): void => {
    const session = own();
    if (session) say({ session });
  };
  try {
    channel = new BroadcastChannel(name(clinic));
    channel.onmessage = ({ data }: MessageEvent<Said>) => {
      if (data === "ask") tell();
      else if ("gone" in data) gone(data.gone);
      else joined(data.session);
    };
  } catch {
    // Closed to this frame, as storage may be: each tab has its own chat.
  }
  return { ask: () => say("ask"), tell, forgotten: (conversation) => say({ gone: conversation }) };
}
