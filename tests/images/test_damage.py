"""What is damaged, too large or no picture is refused in one clear sentence, and in silence."""

from __future__ import annotations

import io
import os
import re
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from beautylens.errors import ImageError
from beautylens.images.decode import decode
from beautylens.images.files import read_bytes
from beautylens.images.limits import Limits
from tests.images.pictures import saved, smooth, turned

SAMPLES = {
    "jpeg": saved(smooth(), "JPEG", exif=turned(6)),
    "progressive": saved(smooth(), "JPEG", progressive=True),
    "png": saved(smooth(), "PNG"),
    "webp": saved(smooth(), "WEBP"),
    "avif": saved(smooth(), "AVIF"),
    "heic": saved(smooth(), "HEIF"),
    "gif": saved(smooth(), "GIF"),
    "tiff": saved(smooth(), "TIFF"),
    "tiff lzw": saved(smooth(), "TIFF", compression="tiff_lzw", exif=turned(3)),
    "tiff jpeg": saved(smooth(), "TIFF", compression="jpeg"),
    "bmp": saved(smooth(), "BMP"),
}


@pytest.mark.parametrize("sample", SAMPLES)
@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 0.9))
def test_a_file_cut_short_is_refused(sample: str, share: float) -> None:
    data = SAMPLES[sample]
    with pytest.raises(ImageError, match=r"^photo 7 "):
        decode(data[: int(len(data) * share)], name="photo 7")


@pytest.mark.parametrize("sample", ["jpeg", "progressive"])
def test_every_cut_of_a_jpeg_is_noticed(sample: str) -> None:
    data = SAMPLES[sample]
    for end in range(len(data)):
        with pytest.raises(ImageError):
            decode(data[:end])


def test_what_a_phone_appends_to_a_jpeg_does_no_harm() -> None:
    plain = decode(SAMPLES["jpeg"])
    np.testing.assert_array_equal(decode(SAMPLES["jpeg"] + b"\0\0\0\x18ftypmp42" * 99), plain)


def only_image_errors(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            decode(data, limits=Limits(max_pixels=1_000_000, min_side=1))
        except ImageError as error:
            assert "\n" not in str(error)  # noqa: PT017  (a picture that decodes is right too)


@settings(max_examples=60, deadline=None)
@given(
    head=st.sampled_from([b"", *(sample[:40] for sample in SAMPLES.values())]),
    tail=st.binary(max_size=300),
)
def test_arbitrary_bytes_raise_nothing_but_image_errors(head: bytes, tail: bytes) -> None:
    only_image_errors(head + tail)


# Without HEIC, whose C++ reader, in older releases, does not survive what is done here.
@pytest.mark.parametrize("sample", [name for name in SAMPLES if name != "heic"])
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1))
def test_a_damaged_file_raises_nothing_else_and_prints_nothing(
    sample: str, capfd: pytest.CaptureFixture[str], damage: list[tuple[float, int]]
) -> None:
    data = bytearray(SAMPLES[sample])
    for place, value in damage:
        data[int(place * len(data))] = value
    only_image_errors(bytes(data))
    assert capfd.readouterr() == ("", "")


def test_a_tiff_that_claims_endless_channels_is_refused_without_a_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    channels = struct.pack("<HHI", 277, 3, 1)
    at = SAMPLES["tiff"].index(channels) + len(channels)
    data = SAMPLES["tiff"][:at] + struct.pack("<H", 2048) + SAMPLES["tiff"][at + 2 :]
    with pytest.raises(ImageError):
        decode(data)
    assert not caplog.records


def png_header(width: int, height: int) -> bytes:
    """Return the start of a PNG that claims a size."""
    data = saved(np.zeros((8, 8, 3), np.uint8), "PNG")
    header = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


def test_a_header_that_claims_too_many_pixels_is_refused_before_decoding() -> None:
    with pytest.raises(ImageError, match="60000 x 60000 pixels, more than 100,000,000"):
        decode(png_header(60000, 60000))


def test_a_header_that_claims_more_than_the_file_holds_is_refused() -> None:
    with pytest.raises(ImageError, match="cannot be decoded"):
        decode(png_header(64, 640))


def test_pillows_own_size_warning_never_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for sample in ("jpeg", "png", "tiff", "gif"):
            assert decode(SAMPLES[sample]).size == 48 * 64 * 3


def test_a_picture_too_small_to_hold_anything_is_refused() -> None:
    with pytest.raises(ImageError, match="each side needs at least 8"):
        decode(saved(np.zeros((7, 300, 3), np.uint8), "PNG"))


def test_bytes_beyond_the_limit_are_refused() -> None:
    with pytest.raises(ImageError, match=r"bytes, more than 100"):
        decode(SAMPLES["png"], limits=Limits(max_bytes=100))


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(SAMPLES["jpeg"])
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("was read"))
    with pytest.raises(ImageError, match=re.escape(str(path))):
        read_bytes(path, Limits(max_bytes=100))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><title>404</title>", "holds a web page or other text"),
        (b'\n  {"error": 1}', "holds a web page or other text"),
        (b"%PDF-1.7 and more", "holds no known picture"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "holds no known picture"),
    ],
)
def test_a_file_that_is_no_picture_is_named(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=f"^{re.escape(str(path))} {fault}"):
        decode(path)


def test_a_missing_file_a_folder_and_an_address_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.jpg does not exist"):
        decode(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match="is not a file"):
        decode(tmp_path)
    with pytest.raises(ImageError, match="is an address"):
        decode("http://127.0.0.1/photo.jpg")
    with pytest.raises(ImageError, match="cannot be read"):
        decode("photo\0.jpg")


def test_a_file_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(SAMPLES["jpeg"])

    def forbidden(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(ImageError, match="give this user permission"):
        decode(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a system with named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match="is not a file"):
        decode(tmp_path / "pipe.jpg")


def test_a_closed_pillow_image_is_refused() -> None:
    image = Image.open(io.BytesIO(SAMPLES["png"]))
    image.close()
    with pytest.raises(ImageError):
        decode(image)


def test_many_threads_decode_at_once_and_leave_the_warning_filters_alone() -> None:
    before = list(warnings.filters)
    names = [*SAMPLES] * 8
    with ThreadPoolExecutor(8) as pool:
        decoded = list(pool.map(lambda name: decode(SAMPLES[name]), names))
    for name, picture in zip(names, decoded, strict=True):
        np.testing.assert_array_equal(picture, decode(SAMPLES[name]))
    assert list(warnings.filters) == before
