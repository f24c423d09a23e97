// Client of the HTTP API: responses as values, errors as one sentence.

import { text } from "./texts.js";

// `again` says whether a retry may succeed.
export class Trouble extends Error {
  constructor(message, again) {
    super(message);
    this.again = again;
  }
}

const PASSING = [408, 429, 500, 502, 503, 504];

export async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble(text(navigator.onLine ? "unreachable" : "offline"), true);
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const detail = problem.detail || text("status", { status: answer.status });
  throw new Trouble(sentence(detail), PASSING.includes(answer.status));
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

export function form(values) {
  const data = new FormData();
  for (const [name, value] of Object.entries(values)) data.append(name, value);
  return data;
}

export async function about() {
  return (await ask("v1/collection")).json();
}

export async function search(image, words, signal) {
  const body = form({ image, words, limit: 12 });
  return (await ask("v1/search", { method: "POST", body, signal })).json();
}

export async function explain(image, productId) {
  const body = form({ image, product_id: productId });
  return (await ask("v1/explain", { method: "POST", body })).blob();
}

// What the user did with an answer: click, cart, correct, or none, which has no product.
export async function happened(answer, event, match) {
  const values = { query_id: answer.query_id, event };
  if (match) Object.assign(values, { product_id: match.product_id, rank: answer.matches.indexOf(match) + 1 });
  // Sent also while the page is left.
  await ask("v1/events", { method: "POST", body: form(values), keepalive: true });
}
