// Search results: verdict, cards and reasons.

const VERDICTS = {
  match: ["Probably this", "The first product matches the photo."],
  unsure: ["One of these?", "Several products match. Compare the pictures, or type a word on the pack."],
  not_in_catalogue: [
    "Probably not in this catalogue",
    "No product matches the photo well. The most similar ones are listed below.",
  ],
};
const VISIBLE_DIFFERENCE = 2; // CIEDE2000
const LIKELY = 0.01;
const FIRST = 4;
// Share of the text that is evidence for a match.
const MUCH_TEXT = 0.4;
const MOST_FACTS = 4;

export function verdict(answer, words) {
  if (!answer.matches.length) return ["", "Nothing found", "The catalogue has no products."];
  const [title, text] = VERDICTS[answer.verdict] || ["Most similar products", ""];
  const probability = answer.verdict === "match" ? ` (${percent(answer.probability)})` : "";
  const unmatched = words && !answer.matches.some((match) => match.reasons.typed);
  const hint = unmatched ? " None of them contains any of the words you typed." : "";
  return [answer.verdict || "", title + probability, (question(answer) || text) + hint];
}

// What would decide between two products; colours are shown by their pictures.
function question(answer) {
  if (!answer.question) return "";
  if (answer.question.about === "colour") return "They differ in colour. Compare the pictures.";
  return `What is on the pack: ${answer.question.answers.join(" or ")}?`;
}

// The number of products to show at first: the likely ones, but at least FIRST.
export function likely(matches) {
  return Math.max(FIRST, matches.filter((match) => match.probability >= LIKELY).length);
}

// The product with the closest colour, if it is visibly closer than the next one.
export function closestColour(matches) {
  const compared = matches.filter((match) => match.reasons.colour !== null);
  const [first, next] = compared.sort((a, b) => a.reasons.colour - b.reasons.colour);
  return next && next.reasons.colour - first.reasons.colour > VISIBLE_DIFFERENCE ? first : null;
}

// `act` has the handlers of a card's buttons: show(match), and right(match, card) or null.
export function card(match, act, coloured) {
  const element = document.querySelector("#card").content.firstElementChild.cloneNode(true);
  const part = (name) => element.querySelector(`.${name}`);
  const title = match.name || match.product_id;
  part("picture").src = `${match.image.slice(1)}?side=480`;
  part("picture").alt = `Catalogue picture of ${title}`;
  part("picture").addEventListener("error", (event) => event.target.classList.add("missing"));
  part("brand").replaceChildren(...highlighted(match.brand, match.reasons.words));
  const name = part("name");
  const page = linked(match.metadata.url);
  if (page) name.append(page);
  (page || name).append(...highlighted(title, match.reasons.words));
  part("row").textContent = [match.product_id, ...described(match.metadata)].join(" · ");
  if (match.probability === null) part("likely").remove();
  else {
    part("percent").textContent = percent(match.probability);
    part("bar").firstElementChild.style.width = `${100 * match.probability}%`;
  }
  for (const [text, kind] of reasons(match, match === coloured)) {
    const item = document.createElement("li");
    item.textContent = text;
    if (kind) item.classList.add(kind);
    part("reasons").append(item);
  }
  part("show").setAttribute("aria-label", `Show why ${title} matches`);
  part("show").addEventListener("click", () => act.show(match));
  part("right").hidden = !act.right;
  part("right").setAttribute("aria-label", `This is it: ${title}`);
  part("right").addEventListener("click", () => act.right(match, element));
  return element;
}

// A skeleton card while a search is running.
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

// A link to the product's page, if the catalogue has a column `url`.
function linked(address) {
  if (!/^https?:\/\//.test(address || "")) return null;
  const link = document.createElement("a");
  Object.assign(link, { href: address, target: "_blank", rel: "noopener noreferrer" });
  return link;
}

function described(metadata) {
  const columns = Object.entries(metadata).filter(([column]) => column !== "url");
  return columns.slice(0, MOST_FACTS).map(([column, value]) => `${column} ${value}`);
}

// Texts of the evidence with their class: `against` contradicts the match, `strong` supports it.
function reasons(match, coloured) {
  const why = match.reasons;
  const texts = match.against.map(({ kind, photo, catalogue }) => [`${kind === "code" ? "Barcode" : "Photo"}: ${photo}. Here: ${catalogue}`, "against"]);
  if (why.barcode) texts.push([`Same barcode ${why.barcode}`, "strong"]);
  if (why.inliers) texts.push([`${why.inliers} matching points`, why.inliers >= 20 ? "strong" : ""]);
  if (why.text_agreement >= MUCH_TEXT) texts.push([`${percent(why.text_agreement)} of the text agrees`, "strong"]);
  if (why.words.length) texts.push([`Words: ${why.words.join(", ")}`, ""]);
  if (coloured) texts.push(["Closest colour", ""]);
  if (why.visual !== null) texts.push([`${percent(Math.max(0, why.visual))} similar appearance`, ""]);
  return texts;
}

function percent(share) {
  const value = Math.round(100 * share);
  return value === 0 ? "< 1 %" : `${value} %`;
}

// Text with the matched words highlighted, ignoring case and accents.
function highlighted(text, words) {
  const known = new Set(words.flatMap((word) => plain(word).split(/\s+/)));
  return text.split(/([\p{L}\p{N}]+)/u).map((piece) => {
    if (!known.has(plain(piece)) || !piece) return piece;
    const mark = document.createElement("mark");
    mark.textContent = piece;
    return mark;
  });
}

function plain(word) {
  return word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
