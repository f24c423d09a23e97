"""What phones, browsers and messengers send is taken; what nobody photographs with is not."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.conftest import Shop
from tests.images import bombs
from tests.images.pictures import saved
from tests.serve.conftest import WRITER

# What a film that a phone appends to a photo begins with, and some of what is in one.
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + np.random.default_rng(0).bytes(500_000)


def rotated_for(orientation: int, photo: Image.Image) -> tuple[Image.Image, bytes]:
    """The photo as a sensor stores it, and EXIF with a maker's note that says how it was held."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Phone"
    exif.get_ifd(0x8769)[0x927C] = bytes(5000)
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}[orientation]
    return photo.transpose(turn), exif.tobytes()


def live_photo(photo: Image.Image) -> bytes:
    stored, exif = rotated_for(6, photo)
    return saved(stored, "HEIF", quality=90, exif=exif, xmp=b"<x:xmpmeta/>")


def burst(photo: Image.Image) -> bytes:
    later = [photo.rotate(angle) for angle in (2, 4, 6)]
    return saved(photo, "HEIF", quality=90, save_all=True, append_images=later)


def tone_mapped(photo: Image.Image) -> bytes:
    """A HEIC with an item that derives a brighter picture from a gain map (ISO 21496-1)."""
    data = saved(photo, "HEIF", quality=90, xmp=b"<x:xmpmeta/>")
    assert data.count(b"mime") > 0
    return data.replace(b"mime", b"tmap", 1)


def ten_bits(photo: Image.Image) -> bytes:
    levels = np.asarray(photo).astype(np.uint16) * 257
    made = pillow_heif.from_bytes("RGB;16", photo.size, levels.tobytes())
    file = io.BytesIO()
    made.save(file, quality=90)
    return file.getvalue()


def gain_map(photo: Image.Image) -> bytes:
    """An Ultra HDR photo: a JPEG, with a smaller one of how much brighter it may be shown."""
    brighter = photo.convert("L").resize((100, 130)).convert("RGB")
    return saved(photo, "MPO", quality=92, save_all=True, append_images=[brighter])


def stereo(photo: Image.Image) -> bytes:
    return saved(photo, "MPO", quality=92, save_all=True, append_images=[photo.rotate(1)])


def motion(photo: Image.Image) -> bytes:
    stored, exif = rotated_for(3, photo)
    return saved(stored, "JPEG", quality=92, exif=exif) + FILM


def progressive(photo: Image.Image) -> bytes:
    return saved(photo, "JPEG", quality=90, progressive=True, comment=b"x" * 60_000)


def sticker(photo: Image.Image) -> bytes:
    later = [photo.rotate(5), photo.rotate(10)]
    return saved(photo, "WEBP", quality=90, save_all=True, append_images=later)


def screenshot(photo: Image.Image) -> bytes:
    return saved(photo.convert("RGBA"), "PNG", dpi=(144, 144))


def animation(photo: Image.Image) -> bytes:
    return saved(photo.quantize(256), "GIF", save_all=True, append_images=[photo.quantize(8)])


SENT = {
    "Live Photo": live_photo,
    "burst": burst,
    "tone map": tone_mapped,
    "ten bits": ten_bits,
    "gain map": gain_map,
    "MPO": stereo,
    "motion photo": motion,
    "progressive": progressive,
    "animated WebP": sticker,
    "AVIF": lambda photo: saved(photo, "AVIF", quality=85),
    "screenshot": screenshot,
    "GIF": animation,
}


def found(client: TestClient, data: bytes, **fields: str) -> str:
    answer = client.post("/v1/search", files={"image": data}, data={"limit": "1", **fields})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["matches"][0]["product_id"])


@pytest.mark.parametrize("kind", SENT)
def test_what_phones_send_finds_its_product(client: TestClient, shop: Shop, kind: str) -> None:
    make: Callable[[Image.Image], bytes] = SENT[kind]
    assert found(client, make(Image.open(shop.photo(2)).convert("RGB"))) == "p02"


def test_a_photo_of_two_hundred_million_pixels_is_decoded_smaller(
    client: TestClient, shop: Shop
) -> None:
    # In grey, which needs a quarter of the memory to be made here.
    photo = Image.open(shop.photo(2)).convert("L")
    scale = 12_240 // max(photo.size)
    whole = Image.new("L", (16_320, 12_240), 200)
    whole.paste(photo.resize((photo.width * scale, photo.height * scale)), (2_000, 0))
    data = saved(whole, "JPEG", quality=60)
    assert found(client, data) == "p02"
    # A crop is given in pixels of the whole photo.
    box = f"2000,0,{photo.width * scale},{photo.height * scale}"
    assert found(client, data, crop=box) == "p02"


@pytest.mark.parametrize("kind", ["TIFF", "BMP"])
def test_formats_that_nobody_photographs_with_are_taken_with_the_key_alone(
    client: TestClient, shop: Shop, kind: str
) -> None:
    data = saved(Image.open(shop.photo(2)).convert("RGB"), kind)
    answer = client.post("/v1/search", files={"image": data})
    assert answer.status_code == 422
    assert f"is a {kind} file, which is not accepted; save it as JPEG" in answer.json()["detail"]
    written = client.put("/v1/products/phones", files={"image": data}, headers=WRITER)
    assert written.status_code == 200, written.text
    assert client.get("/v1/products/phones/image").status_code == 200
    assert client.delete("/v1/products/phones", headers=WRITER).status_code == 204


def test_run_length_coding_is_not_taken_with_the_key_either(client: TestClient) -> None:
    answer = client.put("/v1/products/runs", files={"image": bombs.bmp_of_runs()}, headers=WRITER)
    assert answer.status_code == 422
    assert "run-length" in answer.json()["detail"]
