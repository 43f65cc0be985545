import type { Body, Message, Session } from "../wire";
import { word } from "./words";

const PATIENCE = 45_000;

/** The service's own no: an HTTP status, its sentence for the patient, and how long to wait. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly said: string | undefined,
    readonly seconds: number,
  ) {
    super(said ?? word("unclear"));
  }
}

/** False when the same request may succeed later, as it is. */
export const isFinal = ({ status }: Refusal): boolean => status < 500 && status !== 408 && status !== 429;

/** The conversation has ended: its time was up, or it was forgotten. */
export const isOver = (error: unknown): error is Refusal => error instanceof Refusal && error.status === 401;

async function request(method: string, path: string, token: string | null, body?: object, signal?: AbortSignal): Promise<Response> {
  const response = await fetch(`/chat/v1/${path}`, {
    method,
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
    body: body ? JSON.stringify(body) : null,
    cache: "no-store",
    signal: signal ?? AbortSignal.timeout(PATIENCE),
  });
  if (response.ok) return response;
  const answer = (await response.json().catch(() => ({}))) as { message?: string };
  throw new Refusal(response.status, answer.message, Number(response.headers.get("Retry-After")));
}

/** The answer in JSON. Throws Refusal for the service's no, and another error where nothing came back in time. */
async function call<Answer>(...asked: Parameters<typeof request>): Promise<Answer> {
  return (await (await request(...asked)).json()) as Answer;
}

export const openSession = (clinic: string, language: string) =>
  call<Session & { messages: Message[] }>("POST", "sessions", null, { clinic, language });

export const sendMessage = (token: string, id: string, body: Body) =>
  call<{ messages: Message[] }>("POST", "messages", token, { id, ...body });

/** Everything that was said, or what came after the message `after`. */
export const history = (token: string, after: string) =>
  call<{ messages: Message[] }>("GET", `messages${after && `?after=${after}`}`, token);

export const rate = (token: string, message: string, verdict: "up" | "down", reason?: string) =>
  request("POST", "feedback", token, { message, verdict, reason });

export const forget = (token: string) => call<{ message: string }>("DELETE", "session", token);

export const events = (token: string, signal: AbortSignal) => request("GET", "events", token, undefined, signal);
