// <beauty-lens>: search by photo in any page.
//
//     <script src="https://lens.example/widget.js"></script>
//     <beauty-lens></beauty-lens>
//
// Attributes: `server` (by default that of this script), `limit`, `language`. Events, which bubble:
// `result` with the answer of the API, `select` with the product that was chosen; unless it is
// cancelled, the product's `link` or `url` is followed. Colours and shape are CSS variables; see docs/widget.md.

(() => {
  const SERVER = new URL(".", document.currentScript.src).href;
  const LONGEST = 2000; // pixels
  const QUALITY = 0.92;
  const CHOICE = 0.1; // probability, of the first's, from which a product is one to choose
  const MOST = 3;

  const TEXTS = {
    en: {
      ask: "Search by photo", searching: "Searching …", match: "We found it", maybe: "Is it this one?",
      unsure: "Which one is it?", missing: "We don't seem to carry this", plain: "Most similar products",
      similar: "Similar products", other: "Not it?", again: "Take another photo", photo: "Your photo",
      unreachable: "The search is not reachable. Try again later.",
    },
    de: {
      ask: "Mit Foto suchen", searching: "Wird gesucht …", match: "Gefunden", maybe: "Ist es dieses?",
      unsure: "Welches ist es?", missing: "Das führen wir anscheinend nicht", plain: "Ähnlichste Produkte",
      similar: "Ähnliche Produkte", other: "Nicht das Richtige?", again: "Neues Foto", photo: "Ihr Foto",
      unreachable: "Die Suche ist nicht erreichbar. Versuchen Sie es später.",
    },
    fr: {
      ask: "Chercher par photo", searching: "Recherche …", match: "Trouvé", maybe: "Est-ce celui-ci ?",
      unsure: "Lequel est-ce ?", missing: "Nous ne semblons pas l'avoir", plain: "Produits les plus proches",
      similar: "Produits semblables", other: "Ce n'est pas lui ?", again: "Autre photo", photo: "Votre photo",
      unreachable: "La recherche est injoignable. Réessayez plus tard.",
    },
    es: {
      ask: "Buscar con foto", searching: "Buscando …", match: "Encontrado", maybe: "¿Es este?",
      unsure: "¿Cuál es?", missing: "Parece que no lo tenemos", plain: "Productos más parecidos",
      similar: "Productos parecidos", other: "¿No es este?", again: "Otra foto", photo: "Su foto",
      unreachable: "La búsqueda no está disponible. Inténtelo más tarde.",
    },
  };

  // A constructed sheet, since a page's policy may forbid inline styles.
  const STYLE = new CSSStyleSheet();
  STYLE.replaceSync(`
    :host { display: block; color: var(--lens-ink, inherit); font: var(--lens-font, inherit); }
    [hidden] { display: none !important; }
    button { font: inherit; cursor: pointer; color: inherit; }
    button:focus-visible, .ask:focus-within { outline: 3px solid var(--lens-accent, #9c2f5f); outline-offset: 2px; }
    .ask, .again { display: inline-flex; align-items: center; gap: .5em; padding: .6em 1.2em; font-weight: 600;
      border: 1.5px solid var(--lens-accent, #9c2f5f); border-radius: var(--lens-radius, 999px);
      background: var(--lens-accent, #9c2f5f); color: var(--lens-on-accent, #fff); cursor: pointer; }
    .again { background: transparent; color: var(--lens-accent, #9c2f5f); margin-top: .8em; }
    .ask input { position: absolute; opacity: 0; width: 1px; height: 1px; }
    .ask svg { width: 1.25em; fill: none; stroke: currentColor; stroke-width: 3; }
    .head { display: flex; align-items: center; gap: .75em; margin: .8em 0; }
    .head img { width: 3.5em; height: 3.5em; object-fit: cover; border-radius: .5em; }
    .title { font-size: 1.25em; font-weight: 700; margin: 0; }
    .note { opacity: .75; margin: .8em 0 .4em; font-weight: 600; }
    .trouble { color: var(--lens-bad, #a3262a); margin: .8em 0; }
    .products { display: grid; gap: .6em; grid-template-columns: repeat(auto-fill, minmax(9em, 1fr)); }
    .products.best { grid-template-columns: repeat(auto-fill, minmax(13em, 1fr)); }
    .product { display: grid; gap: .3em; align-content: start; padding: .6em; text-align: start;
      background: var(--lens-card, #fff); color: var(--lens-card-ink, #241a20);
      border: 1px solid var(--lens-line, #e3d9dc); border-radius: .9em; }
    .product:hover { border-color: var(--lens-accent, #9c2f5f); }
    .product img { width: 100%; aspect-ratio: 1; object-fit: contain; background: #fff; border-radius: .5em; }
    .product strong { color: var(--lens-accent, #9c2f5f); }
    .product .brand { font-size: .75em; text-transform: uppercase; letter-spacing: .04em; opacity: .75; }
    .swatch { width: 1.75em; height: 1.75em; border-radius: 50%; border: 1px solid var(--lens-line, #e3d9dc); }
  `);

  function made(tag, name, words = "") {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.textContent = words;
    return element;
  }

  function camera() {
    const space = "http://www.w3.org/2000/svg";
    const drawing = document.createElementNS(space, "svg");
    drawing.setAttribute("viewBox", "0 0 48 48");
    drawing.setAttribute("aria-hidden", "true");
    const outline = document.createElementNS(space, "path");
    outline.setAttribute("d", "M8 14h8l3-5h10l3 5h8a3 3 0 0 1 3 3v20a3 3 0 0 1-3 3H8a3 3 0 0 1-3-3V17a3 3 0 0 1 3-3zM16 26a8 8 0 1 0 16 0a8 8 0 1 0-16 0z");
    drawing.append(outline);
    return drawing;
  }

  class BeautyLens extends HTMLElement {
    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [STYLE];
      const label = made("label", "ask");
      this.caption = made("span", "");
      this.input = Object.assign(made("input"), { type: "file", accept: "image/*,.heic,.heif,.avif" });
      label.append(camera(), this.caption, this.input);
      this.answer = made("div", "answer");
      this.answer.setAttribute("role", "status");
      this.answer.setAttribute("aria-live", "polite");
      root.append(label, this.answer);
      this.input.addEventListener("change", () => this.search(this.input.files[0]));
    }

    connectedCallback() {
      this.caption.textContent = this.text("ask");
    }

    text(name) {
      const tags = [this.getAttribute("language"), ...navigator.languages].filter(Boolean);
      const known = tags.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in TEXTS);
      return TEXTS[known || "en"][name];
    }

    get server() {
      return this.getAttribute("server") || SERVER;
    }

    // Search with a File or Blob; resolves to the answer of the API, or null after a failure.
    async search(file) {
      if (!file) return null;
      const mine = (this.latest = Symbol());
      this.input.value = "";
      this.answer.replaceChildren(made("p", "note", this.text("searching")));
      this.setAttribute("aria-busy", "true");
      try {
        const picture = await small(file);
        const data = new FormData();
        data.append("image", picture, "photo.jpg");
        data.append("limit", this.getAttribute("limit") || "8");
        const response = await fetch(new URL("v1/search", this.server), { method: "POST", body: data });
        const answer = await response.json();
        if (mine !== this.latest) return null;
        if (!response.ok) throw new Error(answer.detail || this.text("unreachable"));
        this.show(answer, picture);
        this.tell("result", answer);
        return answer;
      } catch (error) {
        if (mine !== this.latest) return null;
        const words = error instanceof TypeError || error instanceof SyntaxError ? this.text("unreachable") : error.message;
        this.answer.replaceChildren(made("p", "trouble", words), this.another());
        return null;
      } finally {
        if (mine === this.latest) this.removeAttribute("aria-busy");
      }
    }

    // Count that a product was chosen, also while the page is left.
    viewed(match) {
      const data = new FormData();
      const rank = String(this.found.matches.indexOf(match) + 1);
      const values = { query_id: this.found.query_id, event: "click", product_id: match.product_id, rank };
      for (const [name, value] of Object.entries(values)) data.append(name, value);
      fetch(new URL("v1/events", this.server), { method: "POST", body: data, keepalive: true }).catch(() => {});
    }

    show(answer, picture) {
      this.found = answer;
      const { matches, verdict } = answer;
      const choices = verdict === "unsure" ? chosen(answer) : [];
      const best = verdict === "match" ? [[matches[0], ""]] : choices;
      const name = { match: "match", not_in_catalogue: "missing", unsure: choices.length > 1 ? "unsure" : "maybe" }[verdict] || "plain";
      const head = made("div", "head");
      const photo = Object.assign(made("img"), { src: URL.createObjectURL(picture), alt: this.text("photo") });
      photo.addEventListener("load", () => URL.revokeObjectURL(photo.src));
      head.append(photo, made("p", "title", this.text(name)));
      const others = matches.filter((match) => !best.some(([shown]) => shown === match));
      const first = this.products(best, answer.question?.about, "products best");
      const rest = this.products(others.map((match) => [match, ""]), null, "products");
      const note = made("p", "note", this.text(name === "missing" ? "similar" : "other"));
      note.hidden = !others.length || name === "plain";
      this.answer.replaceChildren(head, first, note, rest, this.another());
    }

    products(shown, about, name) {
      const list = made("div", name);
      list.hidden = !shown.length;
      list.append(...shown.map(([match, words]) => this.product(match, words, about)));
      return list;
    }

    product(match, words, about) {
      const button = Object.assign(made("button", "product"), { type: "button" });
      const picture = Object.assign(made("img"), {
        src: new URL(`${match.image.slice(1)}?side=480`, this.server), alt: "", loading: "lazy",
      });
      button.append(picture);
      if (about === "colour" && words) {
        const swatch = made("span", "swatch");
        swatch.style.background = words;
        button.append(swatch);
      } else if (words) button.append(made("strong", "", words));
      if (match.brand) button.append(made("span", "brand", match.brand));
      button.append(made("span", "name", match.name || match.product_id));
      button.addEventListener("click", () => {
        this.viewed(match);
        const { link, url } = match.metadata;
        const address = [link, url].find((each) => /^https?:\/\//.test(each || ""));
        if (this.tell("select", match) && address) location.assign(address);
      });
      return button;
    }

    another() {
      const button = Object.assign(made("button", "again", this.text("again")), { type: "button" });
      button.addEventListener("click", () => this.input.click());
      return button;
    }

    tell(name, detail) {
      return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable: true }));
    }
  }

  // The products to choose from, each with what distinguishes it.
  function chosen({ matches, question }) {
    if (question) {
      const pairs = question.product_ids.map((id, index) => [matches.find((match) => match.product_id === id), question.answers[index]]);
      return pairs.filter(([match]) => match);
    }
    const likely = matches.filter((match) => match.probability >= CHOICE * matches[0].probability);
    return likely.slice(0, MOST).map((match) => [match, ""]);
  }

  // The photo as a JPEG no larger than the search needs, without metadata; a file that the browser
  // cannot decode goes as it is.
  async function small(file) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      return file;
    }
    const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
    const canvas = made("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  }

  if (!customElements.get("beauty-lens")) customElements.define("beauty-lens", BeautyLens);
})();
