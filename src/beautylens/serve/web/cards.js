// What was found, in words and cards.

const VERDICTS = {
  match: ["Probably this", "The first product fits the photo."],
  unsure: ["One of these?", "Several products fit. Compare the pictures, or type a word of the pack."],
  not_in_catalogue: [
    "We don’t seem to have it",
    "Nothing here fits the photo well. The nearest products are listed below.",
  ],
};
const TOLD_APART = 2; // a difference of colours, CIEDE2000, that a person would see
const LIKELY = 0.01;
const FIRST = 4;
const MOST_FACTS = 4;

export function verdict(answer, words) {
  if (!answer.matches.length) return ["", "Nothing found", "No product meets what was asked for."];
  const [title, text] = VERDICTS[answer.verdict] || ["Nearest products", ""];
  const sure = answer.verdict === "match" ? ` (${percent(answer.probability)})` : "";
  const typed = words && !answer.matches.some((match) => match.reasons.typed);
  const said = typed ? `${text} None of them has any of the words you typed.` : text;
  return [answer.verdict || "", title + sure, said];
}

// How many of the products to show at once: the likely ones, and never fewer than a few.
export function likely(matches) {
  return Math.max(FIRST, matches.filter((match) => match.probability >= LIKELY).length);
}

// The one whose colour is nearest to the photo's, where that tells it from the next.
export function nearestColour(matches) {
  const compared = matches.filter((match) => match.reasons.colour !== null);
  const [first, next] = compared.sort((a, b) => a.reasons.colour - b.reasons.colour);
  return next && next.reasons.colour - first.reasons.colour > TOLD_APART ? first : null;
}

// `act` holds what the buttons of a card do: show(match), right(match, card) or null.
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
  for (const [text, strong] of reasons(match.reasons, match === coloured)) {
    const item = document.createElement("li");
    item.textContent = text;
    item.classList.toggle("strong", strong);
    part("reasons").append(item);
  }
  part("show").setAttribute("aria-label", `Show why ${title} was found`);
  part("show").addEventListener("click", () => act.show(match));
  part("right").hidden = !act.right;
  part("right").setAttribute("aria-label", `This is the one: ${title}`);
  part("right").addEventListener("click", () => act.right(match, element));
  return element;
}

// A place holder while a search runs.
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

// The product's own page, where the catalogue has a column `url`.
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

function reasons(why, coloured) {
  const said = [];
  if (why.barcode) said.push([`Same barcode ${why.barcode}`, true]);
  if (why.inliers) said.push([`${why.inliers} matching points`, why.inliers >= 20]);
  if (why.words.length) said.push([`Words: ${why.words.join(", ")}`, false]);
  if (coloured) said.push(["Nearest colour", false]);
  if (why.visual !== null) said.push([`Looks ${percent(Math.max(0, why.visual))} alike`, false]);
  return said;
}

function percent(share) {
  const value = Math.round(100 * share);
  return value === 0 ? "< 1 %" : `${value} %`;
}

// Text with the words that were read or typed marked, without regard to case and accents.
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
