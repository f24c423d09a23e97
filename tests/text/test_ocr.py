"""Reading print: rendered lines, whichever way the picture is held."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from beautylens.errors import EncoderError
from beautylens.text import ocr
from beautylens.text.words import words_of

LINES = ("VELVET ROUGE", "matte lipstick 475", "Night cream 30 ml")


def pack(lines: tuple[str, ...] = LINES, size: int = 44) -> np.ndarray:
    picture = Image.new("RGB", (640, 480), (236, 228, 222))
    draw = ImageDraw.Draw(picture)
    for place, line in enumerate(lines):
        draw.text((80, 70 + 120 * place), line, (40, 20, 60), ImageFont.load_default(size))
    return np.asarray(picture)


def read(picture: np.ndarray) -> set[str]:
    return {word for line in ocr.shared_reader()(picture) for word in words_of(line.text)}


WANTED = {word for line in LINES for word in words_of(line)}


@pytest.mark.parametrize("turns", range(4))
def test_print_is_read_whichever_way_the_pack_is_held(turns: int) -> None:
    assert read(np.rot90(pack(), turns)) >= WANTED


@pytest.mark.parametrize("scale", [0.35, 3.0])
def test_small_and_large_pictures_are_read(scale: float) -> None:
    assert read(cv2.resize(pack(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)) >= {
        "velvet", "rouge", "matte", "lipstick", "475",
    }  # fmt: skip


def test_a_line_says_where_it_stands_and_how_surely_it_was_read() -> None:
    line = max(ocr.shared_reader()(pack(("VELVET ROUGE",))), key=lambda line: line.height)
    (left, top), (right, _), (_, bottom), _ = line.corners
    assert 60 < left < 90 < right
    assert 60 < top < 90 < bottom
    assert 0.9 < line.confidence <= 1.0


def test_threads_share_one_reader_and_read_the_same() -> None:
    alone = read(pack())
    with ThreadPoolExecutor(4) as pool:
        assert all(words == alone for words in pool.map(read, [pack()] * 6))


def page() -> np.ndarray:
    """A title above thirty words of small text."""
    picture = Image.new("RGB", (640, 640), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((60, 30), "VELVET ROUGE", "black", ImageFont.load_default(60))
    for place in range(30):
        corner = (30 + 120 * (place % 5), 150 + 80 * (place // 5))
        draw.text(corner, f"word{place}", "black", ImageFont.load_default(18))
    return np.asarray(picture)


def test_of_a_page_full_of_text_the_tallest_lines_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everything = ocr.shared_reader()(page())
    monkeypatch.setattr(ocr, "MAX_TEXT", 50)
    some = ocr.shared_reader()(page())
    assert len(everything) > 25
    assert 2 <= len(some) <= 7
    assert set(some) <= set(everything)
    assert words_of(some[0].text) == words_of("VELVET ROUGE")


def test_lines_are_kept_in_order_up_to_a_total_length() -> None:
    def box(width: int, height: int) -> list[list[int]]:
        return [[0, 0], [width, 0], [width, height], [0, height]]

    # Upright letters one above the other are as long as those side by side; a short line counts
    # as one of 20/3.
    boxes = np.array([box(100, 10), box(20, 200), box(10, 8), box(900, 30), box(0, 0)], np.float32)
    assert ocr.lines_within(boxes, 1000) == [0, 1, 2, 3, 4]
    assert ocr.lines_within(boxes, 50) == [0, 1, 3]
    assert ocr.lines_within(boxes, 39) == [3]
    assert ocr.lines_within(boxes, 1) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (8, 8), (3000, 40)])
def test_a_blank_picture_of_any_shape_says_nothing(shape: tuple[int, int]) -> None:
    assert ocr.shared_reader()(np.full((*shape, 3), 255, np.uint8)) == ()


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert ocr.Reader()(pack())


def test_a_missing_network_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="PP-OCRv6"):
        ocr.Reader(folder=tmp_path)
