// Products on the page: the hero, a choice, a row of the list, and the reasons for a match.

import { language, text } from "./texts.js";

const VISIBLE_DIFFERENCE = 2; // CIEDE2000
// Share of the text that is evidence for a match.
const MUCH_TEXT = 0.4;
const MOST_FACTS = 3;
const PRICES = ["price", "preis", "prix", "precio"];
// Columns that shoppers need not see: the shop's own numbers and states.
const INTERNAL = ["link", "url", "currency", "sku", "status", "tags", "availability", "condition"];

export const title = (match) => match.name || match.product_id;

// `act` has the handlers: show(match), viewed(match), and right(match, element) or null.
export function hero(match, photo, act) {
  const { element, part } = made("hero", match, act);
  part("mine").src = photo;
  part("mine").alt = text("your-photo");
  part("shown").textContent = text("catalogue-picture", { name: title(match) });
  part("shown").hidden = true;
  part("name").append(...highlighted(title(match), match.reasons.words));
  part("price").textContent = priceOf(match.metadata);
  const address = addressOf(match.metadata);
  if (address) {
    part("view").href = address;
    part("view").addEventListener("click", () => act.viewed(match));
    part("view").hidden = false;
  }
  return element;
}

// A button for one answer of the question that decides.
export function choice(match, answer, about, chosen) {
  const { element, part } = made("choice", match, null);
  if (about === "colour") {
    part("swatch").style.background = answer;
    part("swatch").hidden = false;
    part("differs").remove();
  } else part("differs").textContent = answer;
  part("name").append(...highlighted(title(match), about === "colour" ? [] : [answer]));
  element.addEventListener("click", () => chosen(match));
  return element;
}

// A row of the list.
export function card(match, act) {
  const { element, part } = made("card", match, act);
  const name = part("name");
  const words = highlighted(title(match), match.reasons.words);
  const address = addressOf(match.metadata);
  part("row").textContent = [priceOf(match.metadata), ...described(match.metadata)].filter(Boolean).join(" · ");
  if (address) {
    const link = document.createElement("a");
    Object.assign(link, { href: address, target: "_blank", rel: "noopener noreferrer" });
    link.append(...words);
    link.addEventListener("click", () => act.viewed(match));
    name.append(link);
  } else name.append(...words);
  return element;
}

function made(template, match, act) {
  const element = document.querySelector(`#${template}`).content.firstElementChild.cloneNode(true);
  const part = (name) => element.querySelector(`.${name}`);
  for (const named of element.querySelectorAll("[data-text]")) named.textContent = text(named.dataset.text);
  const name = title(match);
  part("picture").src = `${match.image.slice(1)}?side=480`;
  part("picture").alt = text("catalogue-picture", { name });
  part("picture").addEventListener("error", (event) => event.target.classList.add("missing"));
  part("brand")?.replaceChildren(...highlighted(match.brand, match.reasons.words));
  if (part("row")) part("row").textContent = described(match.metadata).join(" · ");
  if (act) {
    part("show").setAttribute("aria-label", text("why-of", { name }));
    part("show").addEventListener("click", () => act.show(match));
    part("right").hidden = !act.right;
    part("right").setAttribute("aria-label", text("this-is", { name }));
    part("right").addEventListener("click", () => act.right(match, element));
  }
  return { element, part };
}

// A skeleton row while a search is running.
export function ghost() {
  const element = document.createElement("li");
  element.className = "card ghost";
  element.ariaHidden = "true";
  const picture = document.createElement("div");
  const facts = document.createElement("div");
  picture.className = "picture";
  facts.className = "facts";
  for (const kind of ["line short", "line", "line"]) {
    const line = document.createElement("div");
    line.className = kind;
    facts.append(line);
  }
  element.append(picture, facts);
  return element;
}

// The address of the product's own page, or nothing.
function addressOf(metadata) {
  return [metadata.link, metadata.url].find((address) => /^https?:\/\//.test(address || ""));
}

// The price as it is written where the user lives.
function priceOf(metadata) {
  const column = Object.keys(metadata).find((name) => PRICES.includes(name.toLowerCase()));
  const price = column ? metadata[column] : "";
  const currency = (metadata.currency || "").toUpperCase();
  const isNumber = price !== "" && Number.isFinite(Number(price));
  if (!isNumber || !/^[A-Z]{3}$/.test(currency)) return `${price} ${currency}`.trim();
  return new Intl.NumberFormat(language, { style: "currency", currency }).format(Number(price));
}

// Columns that distinguish products for shoppers.
function described(metadata) {
  const hidden = [...INTERNAL, ...PRICES];
  const shown = Object.entries(metadata).filter(([column, value]) => value && !hidden.includes(column.toLowerCase()));
  return shown.slice(0, MOST_FACTS).map(([column, value]) => `${column} ${value}`);
}

// Whether a product has the closest colour, visibly closer than the next one.
function isClosestColour(match, matches) {
  const compared = matches.filter((each) => each.reasons.colour !== null);
  const [first, next] = compared.sort((a, b) => a.reasons.colour - b.reasons.colour);
  return first === match && next && next.reasons.colour - first.reasons.colour > VISIBLE_DIFFERENCE;
}

// The evidence as list items; `against` contradicts the match, `strong` supports it.
export function reasons(match, matches) {
  const why = match.reasons;
  const found = match.against.map(({ kind, photo, catalogue }) => [
    text(kind === "code" ? "code-says" : "photo-says", { photo, catalogue }),
    "against",
  ]);
  if (why.barcode) found.push([text("barcode", { code: why.barcode }), "strong"]);
  if (why.inliers) found.push([text("points", { count: why.inliers }), why.inliers >= 20 ? "strong" : ""]);
  if (why.text_agreement >= MUCH_TEXT) found.push([text("same-text", { percent: percent(why.text_agreement) }), "strong"]);
  if (why.words.length) found.push([text("same-words", { words: why.words.join(", ") }), ""]);
  if (isClosestColour(match, matches)) found.push([text("closest-colour"), ""]);
  if (why.visual !== null) found.push([text("appearance", { percent: percent(Math.max(0, why.visual)) }), ""]);
  if (match.probability !== null) found.push([text("probability", { percent: percent(match.probability) }), ""]);
  return found.map(([words, kind]) => {
    const item = document.createElement("li");
    item.textContent = words;
    if (kind) item.className = kind;
    return item;
  });
}

// Nothing is certain: a share is shown as 99 % at most.
function percent(share) {
  const value = Math.min(99, Math.round(100 * share));
  return value === 0 ? "< 1 %" : `${value} %`;
}

// Text with the matched words highlighted, ignoring case and accents.
function highlighted(words, marked) {
  const known = new Set(marked.flatMap((word) => plain(word).split(/[^\p{L}\p{N}]+/u)));
  return words.split(/([\p{L}\p{N}]+)/u).map((piece) => {
    if (!known.has(plain(piece)) || !piece) return piece;
    const mark = document.createElement("mark");
    mark.textContent = piece;
    return mark;
  });
}

function plain(word) {
  return word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
