// The owner's page: kept searches, to label with a tap or to delete.

import { ask, form } from "./api.js";

const by = (id) => document.getElementById(id);
const PAGE = 20;
// Products of an answer that are shown, and that words find.
const ANSWERED = 6;
const FOUND = 6;
const VERDICTS = { match: "Match", unsure: "Unsure", not_in_catalogue: "Not in the catalogue" };
const EVENTS = { click: "looked at", cart: "put into the cart", correct: "said it is", none: "said it is none of these" };
let key = sessionStorage.getItem("key") || "";
let shown = 0;
let unlabelled = 0;

const owned = (address, options = {}) => ask(address, { ...options, headers: { Authorization: `Bearer ${key}` } });

async function load() {
  by("trouble").hidden = true;
  try {
    const answer = await (await owned(`v1/queries?limit=${PAGE}&offset=${shown}`)).json();
    sessionStorage.setItem("key", key);
    by("enter").hidden = true;
    shown += answer.queries.length;
    count(answer.unlabelled);
    const known = new Set([...by("searches").children].map((each) => each.dataset.search));
    by("searches").append(...answer.queries.filter((each) => !known.has(each.query_id)).map(row));
    by("empty").hidden = shown > 0;
    by("more").hidden = answer.queries.length < PAGE;
  } catch (error) {
    by("trouble").textContent = error.message;
    by("trouble").hidden = false;
    by("enter").hidden = false;
  }
}

function count(number) {
  unlabelled = number;
  by("about").textContent = `${number} without a label`;
}

function row(search) {
  const element = by("search").content.firstElementChild.cloneNode(true);
  const part = (name) => element.querySelector(`.${name}`);
  element.dataset.search = search.query_id;
  const state = { search, element, part, label: search.label };
  const share = search.probability === null ? "" : `, ${Math.min(99, Math.round(100 * search.probability))} %`;
  part("verdict").textContent = `${VERDICTS[search.verdict] || "No verdict"}${share}`;
  part("events").textContent = [new Date(search.time).toLocaleString(), ...search.events.map(told)].join(" · ");
  part("products").append(...search.products.slice(0, ANSWERED).map((product) => button(state, product)));
  part("none").addEventListener("click", () => label(state, "", "none of the catalogue"));
  part("delete").addEventListener("click", () => remove(state));
  part("by-words").addEventListener("submit", (event) => {
    event.preventDefault();
    find(state, event.target.querySelector("input").value.trim());
  });
  mark(state);
  owned(search.photo.slice(1)).then(async (answer) => {
    part("photo").src = URL.createObjectURL(await answer.blob());
    part("photo").alt = "Photo of the search";
  }).catch((error) => (part("answered").textContent = error.message));
  return element;
}

function told({ event, product_id: product }) {
  return [EVENTS[event] || event, product].filter(Boolean).join(" ");
}

function button(state, product) {
  const element = by("product").content.firstElementChild.cloneNode(true);
  element.dataset.product = product.product_id;
  element.querySelector("img").src = `${product.image.slice(1)}?side=240`;
  element.querySelector(".brand").textContent = product.brand;
  element.querySelector(".name").textContent = product.name || product.product_id;
  element.addEventListener("click", () => label(state, product.product_id, product.name || product.product_id));
  return element;
}

// The label is a product's id, empty for none of the catalogue, or null.
function mark({ part, element, label: chosen }) {
  for (const each of element.querySelectorAll(".product")) each.ariaPressed = String(each.dataset.product === chosen);
  part("none").ariaPressed = String(chosen === "");
}

async function label(state, product, name) {
  const { search, part } = state;
  const said = product ? { product_id: product } : { none: true };
  try {
    await owned(`v1/queries/${search.query_id}`, { method: "PUT", body: form(said) });
    if (state.label === null) {
      count(unlabelled - 1);
      shown -= 1; // It is behind all without a label now.
    }
    state.label = product;
    mark(state);
    part("answered").textContent = `Stored: ${name}.`;
  } catch (error) {
    part("answered").textContent = error.message;
  }
}

async function find(state, words) {
  const { part } = state;
  if (!words) return;
  try {
    const answer = await (await owned("v1/search", { method: "POST", body: form({ words, limit: FOUND }) })).json();
    const known = new Set([...part("products").children].map((each) => each.dataset.product));
    const fresh = answer.matches.filter((match) => !known.has(match.product_id));
    part("products").append(...fresh.map((product) => button(state, product)));
    part("answered").textContent = fresh.length ? "" : "No further product has these words.";
  } catch (error) {
    part("answered").textContent = error.message;
  }
}

async function remove(state) {
  const { search, element, part } = state;
  try {
    await owned(`v1/queries/${search.query_id}`, { method: "DELETE" });
    if (state.label === null) count(unlabelled - 1);
    shown -= 1;
    const next = element.nextElementSibling || element.previousElementSibling;
    element.remove();
    next?.querySelector(".delete").focus();
    by("empty").hidden = by("searches").children.length > 0 || !by("more").hidden;
  } catch (error) {
    part("answered").textContent = error.message;
  }
}

by("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  key = by("key").value.trim();
  load();
});
by("more").addEventListener("click", load);
if (key) load();
