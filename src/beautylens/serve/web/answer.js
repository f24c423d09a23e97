// The answer of a search, one layout for each verdict.

import { card, choice, hero, title } from "./cards.js";
import { text } from "./texts.js";

const by = (id) => document.getElementById(id);
// Rows that are shown at first.
const ROWS = { match: 3, unsure: 3, not_in_catalogue: 4 };
const PLAIN_ROWS = 4;
// Probability, of the first's, from which a product is one to choose, and how many are at most.
const CHOICE = 0.1;
const CHOICES = 3;

// Show an answer for a photo's address, with handlers as for `hero` of cards.js.
export function show(answer, photo, words, act) {
  clear();
  const { matches, verdict } = answer;
  const note = words && !matches.some((match) => match.reasons.typed) ? ` ${text("no-word")}` : "";
  if (!matches.length) return say("", text("nothing"), "");
  if (verdict === "match") found(matches, photo, act, "match", note);
  else if (verdict === "unsure" && toChoose(answer).length > 1) ask(answer, photo, act, note);
  else if (verdict === "unsure") found(matches, photo, act, "maybe", note);
  else if (verdict === "not_in_catalogue") missing(matches, act, note);
  else {
    say("", text("plain"), note);
    list(matches, act, PLAIN_ROWS, "");
  }
}

function found(matches, photo, act, name, note) {
  const [best, ...others] = matches;
  say(name === "maybe" ? "unsure" : "match", text(name), text("match-text") + note);
  by("best").replaceChildren(hero(best, photo, act));
  list(others, act, ROWS.match, text("not-it"));
}

function ask(answer, photo, act, note) {
  const choices = toChoose(answer);
  const about = answer.question?.about;
  say("unsure", text("unsure"), text(about === "colour" ? "unsure-colour" : "unsure-text") + note);
  const chosen = (match) => {
    act.viewed(match);
    clear();
    found([match, ...answer.matches.filter((other) => other !== match)], photo, act, "match-chosen", "");
    by("verdict").scrollIntoView({ block: "nearest" });
    by("best").querySelector("button.show").focus({ preventScroll: true });
  };
  const buttons = choices.map(([match, words]) => choice(match, words, about, chosen));
  by("best").replaceChildren(...buttons);
  const shown = choices.map(([match]) => match);
  list(answer.matches.filter((match) => !shown.includes(match)), act, ROWS.unsure, text("not-it"));
}

// The products to choose from, each with what distinguishes it.
function toChoose({ matches, question }) {
  if (question) {
    const pairs = question.product_ids.map((id, index) => [matches.find((match) => match.product_id === id), question.answers[index]]);
    return pairs.filter(([match]) => match);
  }
  const likely = matches.filter((match) => match.probability >= CHOICE * matches[0].probability);
  return likely.slice(0, CHOICES).map((match) => [match, match.brand || title(match)]);
}

function missing(matches, act, note) {
  say("missing", text("missing"), text("missing-text") + note);
  by("ways").hidden = false;
  list(matches, act, ROWS.not_in_catalogue, text("similar"));
}

function list(matches, act, first, heading) {
  const rows = matches.map((match) => card(match, act));
  const rest = rows.slice(first);
  by("others").textContent = heading;
  by("others").hidden = !heading || !rows.length;
  by("cards").replaceChildren(...rows.slice(0, first));
  by("more").hidden = !rest.length;
  by("more").textContent = text("more", { count: rest.length });
  by("more").onclick = () => {
    by("more").hidden = true;
    by("cards").append(...rest);
    rest[0].querySelector("button").focus();
  };
}

export function say(kind, strong, words) {
  const heading = document.createElement("strong");
  heading.textContent = strong;
  by("verdict").className = `verdict ${kind}`;
  by("verdict").replaceChildren(...(strong ? [heading, words] : []));
}

// Take the answer of another photo away.
export function clear() {
  say("", "", "");
  by("best").replaceChildren();
  by("cards").replaceChildren();
  by("answered").textContent = "";
  by("ways").hidden = by("others").hidden = by("more").hidden = true;
}
