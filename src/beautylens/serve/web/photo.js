// The photo to upload: upright, cropped, and no larger than the search needs. It is re-encoded, so
// that metadata such as the location stays on the device.

const LONGEST = 2000;
const SHOWN = 1200;
const QUALITY = 0.92;
// Side in pixels of the picture that is examined, the variance of its Laplacian below which it is
// blurred, and the mean below which it is dark: below all of 450 real photos but a blurred one.
const EXAMINED = 256;
const SHARP = 40;
const BRIGHT = 32;
// First bytes of the picture formats that the server reads.
const SIGNATURES = [
  [0, "\xff\xd8"], [0, "\x89PNG"], [0, "GIF8"], [0, "BM"], [0, "II*\0"], [0, "MM\0*"],
  [8, "WEBP"], [4, "ftyp"],
];

export class Photo {
  // Without a bitmap the browser cannot display the file, which is uploaded unchanged.
  constructor(file, bitmap) {
    this.file = file;
    this.bitmap = bitmap;
  }

  static async of(file) {
    try {
      return new Photo(file, await createImageBitmap(file, { imageOrientation: "from-image" }));
    } catch {
      return new Photo(file, null);
    }
  }

  // Whether the file begins as a picture does, whatever its name says.
  static async isPicture(file) {
    const bytes = new Uint8Array(await file.slice(0, 16).arrayBuffer());
    const start = String.fromCharCode(...bytes);
    return SIGNATURES.some(([at, mark]) => start.startsWith(mark, at));
  }

  // "dark" or "blurred", or nothing.
  get fault() {
    const canvas = document.createElement("canvas");
    draw(canvas, this.bitmap, 0, 0, this.bitmap.width, this.bitmap.height, EXAMINED);
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const grey = new Float32Array(width * height);
    let sum = 0;
    for (let i = 0; i < grey.length; i++) {
      grey[i] = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
      sum += grey[i];
    }
    if (sum / grey.length < BRIGHT) return "dark";
    let total = 0;
    let squares = 0;
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        const i = y * width + x;
        const value = grey[i - 1] + grey[i + 1] + grey[i - width] + grey[i + width] - 4 * grey[i];
        total += value;
        squares += value * value;
      }
    }
    const count = Math.max(1, (width - 2) * (height - 2));
    return squares / count - (total / count) ** 2 < SHARP ? "blurred" : "";
  }

  show(canvas) {
    draw(canvas, this.bitmap, 0, 0, this.bitmap.width, this.bitmap.height, SHOWN);
  }

  // The part inside a box in fractions of width and height, as a file to upload.
  async part(box) {
    if (!this.bitmap) return this.file;
    const { width, height } = this.bitmap;
    const canvas = document.createElement("canvas");
    const x = Math.round(box.left * width);
    const y = Math.round(box.top * height);
    const across = Math.max(1, Math.round(box.right * width) - x);
    const down = Math.max(1, Math.round(box.bottom * height) - y);
    draw(canvas, this.bitmap, x, y, across, down, LONGEST);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  }
}

function draw(canvas, bitmap, x, y, width, height, longest) {
  const scale = Math.min(1, longest / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, x, y, width, height, 0, 0, canvas.width, canvas.height);
}
