// The page: choose a photo, crop it, search, and show the answer.

import { clear, say, show } from "./answer.js";
import * as api from "./api.js";
import { ghost, reasons, title } from "./cards.js";
import { Crop, WHOLE } from "./crop.js";
import { Photo } from "./photo.js";
import { text, translate } from "./texts.js";

const by = (id) => document.getElementById(id);
const GHOSTS = 4;
const SLOW = 5000; // milliseconds
const NARROW = matchMedia("(max-width: 52rem)");
let server = { feedback: false };
let photo = null;
let sent = null; // the picture of the last search
let found = null; // its answer
let running = null;
let latest = null; // the photo that was chosen last
let asked = null; // the product that was explained last

translate();
const crop = new Crop(by("crop"), framed);

async function take(file) {
  if (!file) return;
  const mine = (latest = Symbol());
  const [taken, isPicture] = await Promise.all([Photo.of(file), Photo.isPicture(file)]);
  if (mine !== latest) return; // another one was chosen meanwhile
  forget();
  latest = mine;
  if (!taken.bitmap && !isPicture) {
    fail(new api.Trouble(text("no-picture", { name: file.name }), false));
    return;
  }
  photo = taken;
  by("drop").hidden = true;
  by("stage").hidden = by("tools").hidden = false;
  by("again").disabled = false;
  by("crop").hidden = by("preview").hidden = by("crop-hint").hidden = !photo.bitmap;
  by("unseen").hidden = Boolean(photo.bitmap);
  if (photo.bitmap) {
    photo.show(by("preview"));
    const fault = photo.fault;
    by("fault").textContent = fault && text(fault);
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

// Take the photo and its answer away, and the words that were typed for it.
function forget() {
  running?.abort();
  crop.reset();
  photo = sent = found = running = latest = null;
  by("drop").hidden = false;
  by("stage").hidden = by("tools").hidden = by("whole").hidden = true;
  by("none").hidden = by("reminder").hidden = true;
  by("again").disabled = true;
  by("words").value = by("fault").textContent = "";
  clear();
  by("trouble").hidden = true;
  by("empty").hidden = false;
}

function another() {
  forget();
  by("file").value = by("camera").value = "";
  by("file").focus();
  if (NARROW.matches) by("photo-title").scrollIntoView();
}

async function search() {
  if (!photo) return;
  running?.abort();
  const mine = (running = new AbortController());
  by("trouble").hidden = by("empty").hidden = by("none").hidden = true;
  clear();
  say("", text("searching"), "");
  const late = setTimeout(() => mine === running && say("", text("slow"), ""), SLOW);
  by("results").setAttribute("aria-busy", "true");
  by("cards").replaceChildren(...Array.from({ length: GHOSTS }, ghost));
  try {
    const part = await photo.part(photo.bitmap ? crop.box : WHOLE);
    const words = by("words").value.trim();
    const answer = await api.search(part, words, mine.signal);
    if (mine !== running) return;
    clearTimeout(late);
    [sent, found] = [part, answer];
    remind(part);
    show(answer, by("reminder-picture").src, words, {
      show: (match) => why(match, answer.matches),
      viewed: (match) => api.happened(answer, "click", match).catch(() => {}),
      right: server.feedback ? right : null,
    });
    by("none").hidden = !server.feedback || !answer.matches.length;
  } catch (error) {
    if (mine === running) fail(error);
  } finally {
    clearTimeout(late);
    if (mine === running) by("results").removeAttribute("aria-busy");
  }
}

// On a phone, the photo stays in view beside its answer.
function remind(part) {
  URL.revokeObjectURL(by("reminder-picture").src);
  by("reminder-picture").src = URL.createObjectURL(part);
  by("reminder-text").textContent = text("your-photo");
  by("reminder").hidden = false;
}

function fail(error) {
  if (error.name === "AbortError") return;
  clear();
  by("empty").hidden = true;
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = text(error.again ? "again" : "another");
  again.addEventListener("click", error.again ? search : another);
  const reason = error instanceof api.Trouble ? error.message : text("failed", { reason: error.message });
  by("trouble").replaceChildren(reason, again);
  by("trouble").hidden = false;
}

async function why(match, matches) {
  const picture = by("why-picture");
  asked = match;
  by("why-title").textContent = title(match);
  by("why-reasons").replaceChildren(...reasons(match, matches));
  by("why-text").textContent = text("loading");
  picture.hidden = true;
  by("why").showModal();
  try {
    const drawing = await api.explain(sent, match.product_id);
    if (asked !== match) return;
    URL.revokeObjectURL(picture.src);
    picture.src = URL.createObjectURL(drawing);
    picture.alt = text("drawing", { name: title(match) });
    picture.hidden = false;
    by("why-text").textContent = text(match.reasons.inliers ? "lines" : "no-lines");
  } catch (error) {
    if (asked === match) by("why-text").textContent = error.message;
  }
}

async function right(match, chosen) {
  const kept = await tell("correct", match, text("thanks", { name: title(match) }));
  if (!kept) return;
  for (const other of document.querySelectorAll("#results .card")) {
    const button = other.querySelector(".right");
    other.classList.toggle("chosen", other === chosen);
    if (!button) continue;
    button.ariaPressed = String(other === chosen);
    button.textContent = `${other === chosen ? "✓ " : ""}${text("this-is-it")}`;
  }
}

// Resolves to whether it was stored and still concerns the products that are shown.
async function tell(event, match, thanks) {
  const about = found;
  let message = thanks;
  let kept = true;
  try {
    await api.happened(about, event, match);
  } catch (error) {
    message = text("not-kept", { reason: error.message });
    kept = false;
  }
  if (about !== found) return false;
  by("answered").textContent = message;
  by("answered").classList.toggle("failed", !kept);
  return kept;
}

for (const id of ["file", "camera"]) {
  by(id).addEventListener("change", (event) => take(event.target.files[0]));
}
for (const id of ["other", "retry"]) by(id).addEventListener("click", another);
by("retake").addEventListener("click", () => {
  another();
  by("camera").click();
});
by("frame").addEventListener("click", () => {
  by("stage").scrollIntoView({ block: "center" });
  by("crop").querySelector("button").focus({ preventScroll: true });
});
by("whole").addEventListener("click", () => {
  crop.reset();
  framed();
  by("crop").focus({ preventScroll: true });
});
by("none-of-these").addEventListener("click", async () => {
  if (!(await tell("none", null, text("thanks-none")))) return;
  for (const card of document.querySelectorAll("#results .chosen")) card.classList.remove("chosen");
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
    document.title = text("title", { name: facts.title });
    document.querySelector("h1").textContent = facts.title;
    by("about").textContent = text("products", { count: facts.products });
    by("privacy").textContent = facts.keep_days ? text("stored-for", { count: facts.keep_days }) : text("not-stored");
  },
  (error) => {
    by("about").textContent = error.message;
  },
);
