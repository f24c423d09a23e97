// The client against a stub that answers over HTTP.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";

import { Beautylens, BeautylensError } from "../index.js";

let server, address, asked, respond;

before(async () => {
  server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const { method, url, headers } = request;
    const body = Buffer.concat(parts);
    const form = body.length ? await new Response(body, { headers }).formData() : null;
    asked.push({ method, url, headers, form });
    await respond(response, asked.length);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  address = `http://127.0.0.1:${server.address().port}`;
});

after(() => server.close());

beforeEach(() => {
  asked = [];
  respond = (response) => response.end("{}");
});

function json(response, value, status = 200, headers = {}) {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(value));
}

const photo = new Uint8Array([1, 2, 3]);

test("a search sends the photo and its options as a form, with the key", async () => {
  respond = (response) => json(response, { verdict: "match", matches: [] });
  const client = new Beautylens(address, { key: "a-read-key-of-the-tests" });
  const answer = await client.search(photo, {
    limit: 3, offset: 6, sort: "-price", facets: ["brand", "category"], where: "price < 20",
    words: undefined, crop: { x: 1, y: 2, width: 30, height: 40 },
  });
  assert.deepEqual(answer, { verdict: "match", matches: [] });
  const [{ method, url, headers, form }] = asked;
  assert.deepEqual([method, url], ["POST", "/v1/search"]);
  assert.equal(headers.authorization, "Bearer a-read-key-of-the-tests");
  assert.deepEqual(new Uint8Array(await form.get("image").arrayBuffer()), photo);
  form.delete("image");
  assert.deepEqual(Object.fromEntries(form), {
    limit: "3", offset: "6", sort: "-price", facets: "brand,category", where: "price < 20", crop: "1,2,30,40",
  });
});

test("several photos of one product are one search", async () => {
  await new Beautylens(address).search([photo, new Uint8Array([4])]);
  const sizes = asked[0].form.getAll("image").map((part) => part.size);
  assert.deepEqual(sizes, [3, 1]);
});

test("a search by words sends no photo, and no key where there is none", async () => {
  await new Beautylens(`${address}/`).search(null, { words: "velvet 475" });
  assert.deepEqual(Object.fromEntries(asked[0].form), { words: "velvet 475" });
  assert.equal(asked[0].headers.authorization, undefined);
});

test("a problem becomes an error with its sentence, kind and time to wait", async () => {
  const problem = {
    type: "urn:beautylens:key-limit", title: "Too Many Requests", status: 429, detail: "the limit is reached",
  };
  respond = (response) => json(response, problem, 429, { "Retry-After": "7" });
  await assert.rejects(new Beautylens(address).search(photo), (error) => {
    assert.ok(error instanceof BeautylensError);
    assert.equal(error.message, "the limit is reached");
    assert.deepEqual([error.status, error.type, error.retryAfter], [429, "urn:beautylens:key-limit", 7]);
    assert.equal(error.temporary, true);
    assert.deepEqual(error.problem, problem);
    return true;
  });
});

test("an error page of a proxy becomes an error, too", async () => {
  respond = (response) => { response.writeHead(502); response.end("<html>"); };
  await assert.rejects(new Beautylens(address).about(), { status: 502, temporary: true, retryAfter: null });
});

test("a batch yields each line as it arrives, whatever the chunks are", async () => {
  let finish;
  const later = new Promise((resolve) => { finish = resolve; });
  const name = "Crème";
  const lines = [{ index: 0, answer: { name } }, { index: 1, problem: {} }].map((line) => JSON.stringify(line));
  const bytes = Buffer.from(`${lines[0]}\n`);
  const cut = bytes.indexOf("è") + 1; // within a letter
  respond = async (response) => {
    response.write(bytes.subarray(0, cut));
    response.write(bytes.subarray(cut));
    await later;
    response.end(lines[1]);
  };
  const results = new Beautylens(address).searchBatch([photo, photo], { limit: 1 });
  assert.deepEqual((await results.next()).value, { index: 0, answer: { name } });
  finish();
  assert.deepEqual((await results.next()).value, { index: 1, problem: {} });
  assert.equal((await results.next()).done, true);
  assert.equal(asked[0].url, "/v1/search/batch");
  assert.equal(asked[0].form.getAll("image").length, 2);
  assert.equal(asked[0].form.get("limit"), "1");
});

test("many photos are several requests, and numbered through", async () => {
  respond = (response, number) => {
    const count = asked[number - 1].form.getAll("image").length;
    for (let index = 0; index < count; index++) response.write(`${JSON.stringify({ index })}\n`);
    response.end();
  };
  const found = [];
  for await (const line of new Beautylens(address).searchBatch(Array(70).fill(photo))) found.push(line.index);
  assert.deepEqual(found, Array.from({ length: 70 }, (_, index) => index));
  assert.deepEqual(asked.map(({ form }) => form.getAll("image").length), [32, 32, 6]);
  asked = [];
  const large = new Uint8Array(12 * 1024 * 1024);
  for await (const _ of new Beautylens(address).searchBatch([large, photo, large])) continue;
  assert.deepEqual(asked.map(({ form }) => form.getAll("image").length), [2, 1]);
});

test("an event names the search, and the product if there is one", async () => {
  respond = (response) => { response.writeHead(204); response.end(); };
  const client = new Beautylens(address);
  await client.event("4b".repeat(16), "click", { productId: "1001", rank: 2 });
  await client.event("4b".repeat(16), "none");
  assert.deepEqual(asked.map(({ url, form }) => [url, Object.fromEntries(form)]), [
    ["/v1/events", { query_id: "4b".repeat(16), event: "click", product_id: "1001", rank: "2" }],
    ["/v1/events", { query_id: "4b".repeat(16), event: "none" }],
  ]);
});

test("products and pictures of a further collection are below its name", async () => {
  respond = (response) => json(response, { product_id: "a/b" });
  const client = new Beautylens(address, { collection: "tools" });
  assert.deepEqual(await client.product("a/b"), { product_id: "a/b" });
  assert.equal(asked[0].url, "/v1/collections/tools/products/a%2Fb");
  assert.equal(
    client.imageUrl({ product_id: "a/b" }, 640),
    `${address}/v1/collections/tools/products/a%2Fb/image?side=640`,
  );
});

test("a search can be cancelled", async () => {
  const stop = new AbortController();
  respond = () => stop.abort();
  await assert.rejects(new Beautylens(address).search(photo, { signal: stop.signal }), { name: "AbortError" });
});

test("another fetch may be given", async () => {
  const given = async (url) => Response.json({ url: String(url) });
  const about = await new Beautylens("https://lens.example/shop", { fetch: given }).about();
  assert.deepEqual(about, { url: "https://lens.example/shop/v1/collection" });
});
