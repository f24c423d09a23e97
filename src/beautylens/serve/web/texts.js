// Texts of the page in the browser's language; each language has a file with all of them.

import de from "./text-de.js";
import en from "./text-en.js";
import es from "./text-es.js";
import fr from "./text-fr.js";

const LANGUAGES = { de, en, es, fr };
export const language = wanted(navigator.languages || []);
const texts = LANGUAGES[language];

function wanted(tags) {
  for (const tag of tags) {
    const name = tag.slice(0, 2).toLowerCase();
    if (name in LANGUAGES) return name;
  }
  return "en";
}

// A text by its name, with values for its {names}; functions of a number give the right plural.
export function text(name, values = {}) {
  const found = texts[name];
  const pattern = typeof found === "function" ? found(values.count) : found;
  return pattern.replace(/\{(\w+)\}/g, (_, key) =>
    typeof values[key] === "number" ? values[key].toLocaleString(language) : values[key],
  );
}

// Fill the elements of the page that name their text: data-text, data-label and data-example.
export function translate(root = document) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", text(element.dataset.label));
  for (const element of root.querySelectorAll("[data-example]")) element.placeholder = text(element.dataset.example);
}
