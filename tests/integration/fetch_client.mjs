// One request with Node's fetch. Standard input: {url, method, fields: [[name, value]], body: base64 or null, chunked}.
// Standard output: {status, fields, body: base64}.
import { readFileSync } from "node:fs";

const asked = JSON.parse(readFileSync(0, "utf8"));
const bytes = asked.body === null ? undefined : Buffer.from(asked.body, "base64");

function stream(content) {
  const middle = content.length >> 1;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(content.subarray(0, middle));
      controller.enqueue(content.subarray(middle));
      controller.close();
    },
  });
}

const answer = await fetch(asked.url, {
  method: asked.method,
  headers: asked.fields,
  ...(bytes && { body: asked.chunked ? stream(bytes) : bytes }),
  ...(asked.chunked && { duplex: "half" }),
});
const body = Buffer.from(await answer.arrayBuffer()).toString("base64");
process.stdout.write(JSON.stringify({ status: answer.status, fields: [...answer.headers], body }));
