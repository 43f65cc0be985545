import { post, read, type ToFrame, type ToHost } from "../protocol";

/**
 * The page around the frame. Only the frame's parent is listened to, and only the origin that said hello is answered; the
 * frame-ancestors of the clinic have checked before who may be that parent.
 */
export function joinHost(heard: (message: ToFrame) => void): { tell: (message: ToHost) => void; framed: boolean } {
  const { parent } = window;
  const framed = parent !== window;
  let origin: string | null = null;
  const tell = (message: ToHost): void => {
    if (origin) post(parent, origin, message);
  };
  window.addEventListener("message", (event) => {
    const message = event.source === parent && framed ? read<ToFrame>(event.data) : null;
    if (!message || (origin && origin !== event.origin)) return;
    origin = event.origin;
    heard(message);
    if (message.type === "hello") tell({ type: "ready" });
  });
  return { tell, framed };
}
