/** The service says that it is there every 20 s; a line that is silent for longer than this is dead. */
const SILENCE = 50_000;

/** The ids of the messages that a stream of server-sent events tells of. Ends when the stream does, or falls silent. */
export async function* messageIds(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  for (let rest = ""; ; ) {
    const timer = setTimeout(() => void reader.cancel(), SILENCE);
    const { done, value } = await reader.read();
    clearTimeout(timer);
    if (done) return;
    const parts = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const data = /^data: ?(.*)$/m.exec(part)?.[1];
      if (data) yield (JSON.parse(data) as { id: string }).id;
    }
  }
}
