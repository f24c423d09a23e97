// The page: a photo comes in, is framed and searched with; products come out.

import * as api from "./api.js";
import { card, ghost, likely, nearestColour, verdict } from "./cards.js";
import { Crop, WHOLE } from "./crop.js";
import { Photo } from "./photo.js";

const by = (id) => document.getElementById(id);
const GHOSTS = 4;
const NARROW = matchMedia("(max-width: 52rem)");
let server = { feedback: false };
let photo = null;
let sent = null; // what was searched with last
let running = null;
let latest = null; // the photo that was brought last
let asked = null; // the product whose reasons were asked for last

const crop = new Crop(by("crop"), framed);

async function take(file) {
  if (!file) return;
  const mine = (latest = Symbol());
  const taken = await Photo.of(file);
  if (mine !== latest) return; // another one was brought meanwhile
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
    // It goes out as it is: only when a person says so.
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
  say("", "Looking …", "");
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
  const coloured = nearestColour(answer.matches);
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
  by("why-text").textContent = "Drawing …";
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
      ? "Each line joins two points that look the same and lie at the same place of the product."
      : "No points of the two pictures agree; the product was found by its looks.";
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
    button.textContent = other === chosen ? "✓ This is the one" : "This is the one";
  }
}

// Whether the answer has been kept, and still is about what is shown.
async function answer(productId, thanks) {
  const about = sent;
  let said = thanks;
  let kept = true;
  try {
    await api.feedback(about, productId);
  } catch (error) {
    said = `Your answer could not be kept. ${error.message}`;
    kept = false;
  }
  if (about !== sent) return false;
  by("answered").textContent = said;
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
    document.title = `${facts.title}: find it by a photo`;
    document.querySelector("h1").textContent = facts.title;
    by("about").textContent = `${facts.images.toLocaleString("en")} pictures in the catalogue`;
    by("privacy").textContent = facts.feedback
      ? "A photo is kept only if you answer which product it shows."
      : "Photos are not kept.";
  },
  () => {
    by("about").textContent = "The server cannot be reached";
  },
);
