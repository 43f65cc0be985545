/** The shapes of chat/v1, as docs/architecture.md describes them. */

/** Characters of a text that the service takes. */
export const LONGEST = 4000;

export type Kind = "answer" | "question" | "outcome" | "urgent" | "crisis" | "handoff" | "notice";

export interface Choice {
  id: string;
  label: string;
  /** Tapping it answers at once; false for a line to tick. */
  alone: boolean;
}

export interface Field {
  name: string;
  type: "text" | "tel" | "email" | "textarea";
  label: string;
  autocomplete: string;
  required: boolean;
}

export interface Source {
  id: string;
  title: string;
  publisher: string;
  year: number | null;
  url: string | null;
}

/** A message as the service sends it; `text` is small Markdown. A patient's has only id, text and from. */
export interface Message {
  id: string;
  text: string;
  from?: "patient" | "assistant";
  kind?: Kind;
  choices?: Choice[];
  input?: { kind: "one" | "many" | "form"; fields: Field[] } | null;
  links?: { label: string; url: string }[];
  answers?: { topic: string; version: number; sources: Source[] }[];
  /** A member of the clinic's staff wrote it, and not the assistant. */
  by?: "staff";
  /** Someone near may be a danger: offer to leave the page at once. */
  quick_exit?: boolean;
}

/** What a patient sends: one of the three. */
export type Body = { text: string } | { choices: string[] } | { fields: Record<string, string> };

/** `token` speaks for one conversation and is never put into an address. */
export interface Session {
  token: string;
  conversation: string;
}
