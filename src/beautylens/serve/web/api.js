// Talking to the server: answers as values, refusals as one sentence.

export class Trouble extends Error {}

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("The server cannot be reached. Check your connection and try again.");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Trouble(sentence(problem.detail || `The server answered ${answer.status}`));
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

function form(values) {
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

export async function feedback(image, productId) {
  await ask("v1/feedback", { method: "POST", body: form({ image, product_id: productId }) });
}
