// The crop frame: moved with mouse, finger or arrow keys; in fractions of the photo's sides.

import { text } from "./texts.js";

export const WHOLE = { left: 0, top: 0, right: 1, bottom: 1 };
const LEAST = 0.08;
const STEP = 0.02;
const CORNERS = {
  nw: ["left", "top"],
  ne: ["right", "top"],
  sw: ["left", "bottom"],
  se: ["right", "bottom"],
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Crop {
  // `changed` is called when the user stops moving the frame.
  constructor(frame, changed) {
    this.frame = frame;
    this.changed = changed;
    this.box = { ...WHOLE };
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    this.follow(frame, (x, y) => this.move(x, y));
    for (const [name, [side, end]] of Object.entries(CORNERS)) {
      const corner = document.createElement("button");
      corner.type = "button";
      corner.className = `corner ${name}`;
      corner.setAttribute("aria-label", text(name));
      this.follow(corner, (x, y) => this.pull(side, end, x, y));
      frame.append(corner);
    }
    this.reset();
  }

  get isWhole() {
    return Object.entries(WHOLE).every(([side, at]) => this.box[side] === at);
  }

  reset() {
    clearTimeout(this.resting);
    this.box = { ...WHOLE };
    this.draw();
  }

  // Pass movements by pointer and arrow keys to `act`, in fractions of the photo.
  follow(element, act) {
    element.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      event.preventDefault();
      event.stopPropagation();
      element.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      const { width, height } = this.frame.parentElement.getBoundingClientRect();
      const before = this.box;
      let [x, y] = [event.clientX, event.clientY];
      const moved = (next) => {
        act((next.clientX - x) / width, (next.clientY - y) / height);
        [x, y] = [next.clientX, next.clientY];
      };
      const ended = () => {
        element.removeEventListener("pointermove", moved);
        if (this.box !== before) this.changed();
      };
      element.addEventListener("pointermove", moved);
      element.addEventListener("lostpointercapture", ended, { once: true });
    });
    element.addEventListener("keydown", (event) => {
      const way = ARROWS[event.key];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      act(way[0] * STEP, way[1] * STEP);
      clearTimeout(this.resting);
      this.resting = setTimeout(this.changed, 600);
    });
  }

  move(x, y) {
    const box = this.box;
    const across = Math.min(Math.max(x, -box.left), 1 - box.right);
    const down = Math.min(Math.max(y, -box.top), 1 - box.bottom);
    if (!across && !down) return;
    this.box = {
      left: box.left + across,
      right: box.right + across,
      top: box.top + down,
      bottom: box.bottom + down,
    };
    this.draw();
  }

  pull(side, end, x, y) {
    const box = { ...this.box };
    if (side === "left") box.left = Math.min(Math.max(0, box.left + x), box.right - LEAST);
    else box.right = Math.max(Math.min(1, box.right + x), box.left + LEAST);
    if (end === "top") box.top = Math.min(Math.max(0, box.top + y), box.bottom - LEAST);
    else box.bottom = Math.max(Math.min(1, box.bottom + y), box.top + LEAST);
    this.box = box;
    this.draw();
  }

  draw() {
    const { left, top, right, bottom } = this.box;
    const percent = (share) => `${(100 * share).toFixed(2)}%`;
    Object.assign(this.frame.style, {
      left: percent(left),
      top: percent(top),
      width: percent(right - left),
      height: percent(bottom - top),
    });
    // A frame around the whole photo cannot move, so that a finger scrolls the page.
    this.frame.classList.toggle("whole", this.isWhole);
    const [across, down] = [right - left, bottom - top].map((share) => Math.round(100 * share));
    this.frame.setAttribute("aria-label", text("frame-size", { across, down }));
  }
}
