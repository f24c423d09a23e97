// The photo to upload: upright, cropped, and no larger than the search needs. It is re-encoded, so
// that metadata such as the location stays on the device.

const LONGEST = 2000;
const SHOWN = 1200;
const QUALITY = 0.92;

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
