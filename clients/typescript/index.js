// Client of the HTTP API, for browsers and Node 18 and later; uses nothing but fetch.

// Photos and bytes of one request, of which the server takes 20 MiB with all that surrounds them.
const MOST_PHOTOS = 32;
const MOST_BYTES = 19 * 1024 * 1024;
const TEMPORARY = [408, 429, 502, 503, 504];

export class BeautylensError extends Error {
  constructor(problem, retryAfter = null) {
    super(problem.detail);
    this.name = "BeautylensError";
    this.problem = problem;
    this.status = problem.status;
    this.type = problem.type;
    this.retryAfter = retryAfter;
    this.temporary = TEMPORARY.includes(problem.status);
  }
}

export class Beautylens {
  #base;
  #headers;
  #fetch;

  constructor(server, { key, collection, fetch: ask } = {}) {
    const path = collection ? `v1/collections/${encodeURIComponent(collection)}/` : "v1/";
    this.#base = new URL(path, server.endsWith("/") ? server : `${server}/`);
    this.#headers = key ? { Authorization: `Bearer ${key}` } : {};
    this.#fetch = ask ?? ((...request) => fetch(...request));
  }

  async search(photos, options = {}) {
    const form = formOf(photos ? [photos].flat() : [], options);
    return (await this.#ask("search", { method: "POST", body: form, signal: options.signal })).json();
  }

  async *searchBatch(photos, options = {}) {
    let first = 0;
    for await (const part of partsOf(photos)) {
      const body = formOf(part, options);
      const answer = await this.#ask("search/batch", { method: "POST", body, signal: options.signal });
      for await (const line of linesOf(answer.body)) {
        const result = JSON.parse(line);
        yield { ...result, index: first + result.index };
      }
      first += part.length;
    }
  }

  async event(queryId, event, { productId, rank, signal } = {}) {
    const body = formOf([], { query_id: queryId, event, product_id: productId, rank });
    await this.#ask("events", { method: "POST", body, signal });
  }

  async product(productId, { signal } = {}) {
    return (await this.#ask(`products/${encodeURIComponent(productId)}`, { signal })).json();
  }

  async about({ signal } = {}) {
    return (await this.#ask("collection", { signal })).json();
  }

  imageUrl(product, side) {
    const path = `products/${encodeURIComponent(product.product_id)}/image`;
    return new URL(side ? `${path}?side=${side}` : path, this.#base).href;
  }

  async #ask(path, request) {
    const answer = await this.#fetch(new URL(path, this.#base), { ...request, headers: this.#headers });
    if (answer.ok) return answer;
    // A proxy may answer with something else than a problem document.
    const problem = await answer.json().catch(() => ({}));
    const seconds = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
    throw new BeautylensError(
      {
        type: problem.type ?? "about:blank",
        title: problem.title ?? answer.statusText,
        status: answer.status,
        detail: problem.detail ?? `the server answered with status ${answer.status}`,
      },
      Number.isNaN(seconds) ? null : seconds,
    );
  }
}

function formOf(photos, { signal, crop, facets, ...fields }) {
  const form = new FormData();
  for (const photo of photos) form.append("image", blobOf(photo), "photo");
  if (crop) fields.crop = [crop.x, crop.y, crop.width, crop.height].join();
  if (facets) fields.facets = facets.join();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) form.append(name, String(value));
  }
  return form;
}

function blobOf(photo) {
  return photo instanceof Blob ? photo : new Blob([photo]);
}

// Put photos into requests that the server takes.
async function* partsOf(photos) {
  let part = [];
  let bytes = 0;
  for await (const photo of photos) {
    const blob = blobOf(photo);
    if (part.length === MOST_PHOTOS || (part.length && bytes + blob.size > MOST_BYTES)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(blob);
    bytes += blob.size;
  }
  if (part.length) yield part;
}

// Yield the lines of a stream of bytes as they arrive.
async function* linesOf(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (text + value).split("\n");
      text = lines.pop();
      yield* lines.filter(Boolean);
    }
    if (text) yield text;
  } finally {
    // Whoever stops reading ends the request.
    await reader.cancel();
  }
}
