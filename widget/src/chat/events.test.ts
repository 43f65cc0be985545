import { expect, it } from "vitest";
import { messageIds } from "./events";

async function heard(...chunks: string[]): Promise<string[]> {
  const bytes = chunks.map((chunk) => new TextEncoder().encode(chunk));
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of bytes) controller.enqueue(chunk);
      controller.close();
    },
  });
  const ids: string[] = [];
  for await (const id of messageIds(stream)) ids.push(id);
  return ids;
}

it("tells the ids of messages and passes over signs of life", async () => {
  expect(await heard(': open\n\nevent: message\ndata: {"id":"a"}\n\n: still here\n\nevent: message\ndata: {"id":"b"}\n\n')).toEqual([
    "a",
    "b",
  ]);
});

it("puts together what arrives in pieces", async () => {
  expect(await heard("event: mess", 'age\nda', 'ta: {"id":', '"a"}\n', "\n")).toEqual(["a"]);
});

it("drops a message that was cut off", async () => {
  expect(await heard('event: message\ndata: {"id":"a"}')).toEqual([]);
});
