// The photo on its way to the server: upright, cropped, no larger than it has use for. It is drawn
// anew, so that nothing of the file but its pixels leaves the device, its place least of all.

const LONGEST = 2000;
const QUALITY = 0.92;

export class Photo {
  // A canvas, or none where the browser cannot show the file; that then goes out as it is.
  constructor(file, canvas) {
    this.file = file;
    this.canvas = canvas;
  }

  static async of(file) {
    try {
      const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
      return new Photo(file, drawn(bitmap, 0, 0, bitmap.width, bitmap.height));
    } catch {
      return new Photo(file, null);
    }
  }

  // The part inside a box given in shares of width and height, as a file to send.
  async part(box) {
    if (!this.canvas) return this.file;
    const { width, height } = this.canvas;
    const cut = drawn(
      this.canvas,
      Math.round(box.left * width),
      Math.round(box.top * height),
      Math.max(8, Math.round((box.right - box.left) * width)),
      Math.max(8, Math.round((box.bottom - box.top) * height)),
    );
    return new Promise((resolve) => cut.toBlob(resolve, "image/jpeg", QUALITY));
  }
}

function drawn(source, x, y, width, height) {
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(source, x, y, width, height, 0, 0, canvas.width, canvas.height);
  return canvas;
}
