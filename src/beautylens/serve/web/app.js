// The page: choose a photo, crop it, search, and show the products.

import * as api from "./api.js";
import { card, ghost, likely, closestColour, verdict } from "./cards.js";
import { Crop, WHOLE } from "./crop.js";
import { Photo } from "./photo.js";

const by = (id) => document.getElementById(id);
const GHOSTS = 4;
const NARROW = matchMedia("(max-width: 52rem)");
let server = { feedback: false };
let photo = null;
let sent = null; // the picture of the last search
let running = null;
let latest = null; // the photo that was chosen last
let asked = null; // the product that was explained last

const crop = new Crop(by("crop"), framed);

async function take(file) {
  if (!file) return;
  const mine = (latest = Symbol());
  const taken = await Photo.of(file);
  if (mine !== latest) return; // another one was chosen meanwhile
  photo = taken;
  by("drop").hidden = true;
  by("stage").hidden = by("tools").hidden = false;
  by("again").disabled = false;
  by("crop").hidden = by("preview").hidden = by("crop-hint").hidden = !photo.bitmap;
  by("unseen").hidden = Boolean(photo.bitmap);
  by("whole").hidden = true;
  crop.reset();
  if (photo.bitmap) {
    photo.show(by("preview"));
    by("crop").focus({ preventScroll: true });
    await search();
    if (NARROW.matches && mine === latest) by("results").scrollIntoView({ behavior: "smooth" });
  } else {
    // It would be uploaded unchanged, so the user has to confirm.
    by("again").focus();
  }
}

function framed() {
  by("whole").hidden = crop.isWhole;
  search();
}

function forget() {
  running?.abort();
  crop.reset();
  photo = sent = running = latest = null;
  by("drop").hidden = false;
  by("stage").hidden = by("tools").hidden = true;
  by("none").hidden = by("more").hidden = true;
  by("again").disabled = true;
  by("file").value = by("camera").value = by("words").value = "";
  say("", "", "");
  by("trouble").hidden = true;
  by("empty").hidden = false;
  by("cards").replaceChildren();
  by("file").focus();
}

async function search() {
  if (!photo) return;
  running?.abort();
  const mine = (running = new AbortController());
  by("trouble").hidden = by("empty").hidden = by("none").hidden = by("more").hidden = true;
  say("", "Searching …", "");
  by("results").setAttribute("aria-busy", "true");
  by("cards").replaceChildren(...Array.from({ length: GHOSTS }, ghost));
  try {
    const part = await photo.part(photo.bitmap ? crop.box : WHOLE);
    const words = by("words").value.trim();
    const answer = await api.search(part, words, mine.signal);
    if (mine !== running) return;
    sent = part;
    show(answer, words);
  } catch (error) {
    if (mine === running) fail(error);
  } finally {
    if (mine === running) by("results").removeAttribute("aria-busy");
  }
}

function show(answer, words) {
  say(...verdict(answer, words));
  const act = { show: why, right: server.feedback ? right : null };
  const coloured = closestColour(answer.matches);
  const cards = answer.matches.map((match) => card(match, act, coloured));
  const first = likely(answer.matches);
  by("cards").replaceChildren(...cards.slice(0, first));
  const rest = cards.slice(first);
  by("more").hidden = !rest.length;
  by("more").textContent = `Show ${rest.length} less likely`;
  by("more").onclick = () => {
    by("more").hidden = true;
    by("cards").append(...rest);
    rest[0].querySelector("button").focus();
  };
  by("none").hidden = !server.feedback || !answer.matches.length;
  by("answered").textContent = "";
}

function say(kind, title, text) {
  const strong = document.createElement("strong");
  strong.textContent = title;
  by("verdict").className = `verdict ${kind}`;
  by("verdict").replaceChildren(...(title ? [strong, text] : []));
}

function fail(error) {
  if (error.name === "AbortError") return;
  say("", "", "");
  by("cards").replaceChildren();
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = error.again ? "Try again" : "Take another photo";
  again.addEventListener("click", error.again ? search : forget);
  const text = error instanceof api.Trouble ? error.message : `The page failed: ${error.message}`;
  by("trouble").replaceChildren(text, again);
  by("trouble").hidden = false;
}

async function why(match) {
  const picture = by("why-picture");
  asked = match;
  by("why-text").textContent = "Loading …";
  picture.hidden = true;
  by("why").showModal();
  try {
    const drawing = await api.explain(sent, match.product_id);
    if (asked !== match) return;
    URL.revokeObjectURL(picture.src);
    picture.src = URL.createObjectURL(drawing);
    picture.alt = `Your photo beside ${match.name || match.product_id}; lines join matching points`;
    picture.hidden = false;
    const points = match.reasons.inliers || 0;
    by("why-text").textContent = points
      ? "Each line joins two points that look alike and lie at the same position on the product."
      : "No matching points; the product was found by its overall appearance.";
  } catch (error) {
    if (asked === match) by("why-text").textContent = error.message;
  }
}

async function right(match, chosen) {
  const kept = await answer(match.product_id, `Thank you: ${match.name || match.product_id}.`);
  if (!kept) return;
  for (const other of by("cards").children) {
    other.classList.toggle("chosen", other === chosen);
    const button = other.querySelector(".right");
    button.ariaPressed = String(other === chosen);
    button.textContent = other === chosen ? "✓ This is it" : "This is it";
  }
}

// Resolves to whether the answer was stored and still concerns the products that are shown.
async function answer(productId, thanks) {
  const about = sent;
  let message = thanks;
  let kept = true;
  try {
    await api.feedback(about, productId);
  } catch (error) {
    message = `Your answer could not be stored. ${error.message}`;
    kept = false;
  }
  if (about !== sent) return false;
  by("answered").textContent = message;
  by("answered").classList.toggle("failed", !kept);
  return kept;
}

for (const id of ["file", "camera"]) {
  by(id).addEventListener("change", (event) => take(event.target.files[0]));
}
by("other").addEventListener("click", forget);
by("whole").addEventListener("click", () => {
  crop.reset();
  framed();
  by("crop").focus({ preventScroll: true });
});
by("none-of-these").addEventListener("click", async () => {
  if (!(await answer("", "Thank you: none of these."))) return;
  for (const card of by("cards").children) card.classList.remove("chosen");
});
by("narrow").addEventListener("submit", (event) => {
  event.preventDefault();
  if (photo) search();
});
document.addEventListener("paste", (event) => {
  const [file] = event.clipboardData.files;
  if (file) take(file);
});
function hover(over) {
  for (const id of ["drop", "stage"]) by(id).classList.toggle("over", over);
}

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  hover(true);
});
document.addEventListener("dragleave", () => hover(false));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  hover(false);
  take(event.dataTransfer.files[0]);
});

api.about().then(
  (facts) => {
    server = facts;
    document.title = `${facts.title}: search by photo`;
    document.querySelector("h1").textContent = facts.title;
    by("about").textContent = `${facts.images.toLocaleString("en")} pictures in the catalogue`;
    by("privacy").textContent = facts.feedback
      ? "A photo is only stored if you give feedback on it."
      : "Photos are not stored.";
  },
  () => {
    by("about").textContent = "The server is not reachable";
  },
);
