"""Pictures of strangers cost nobody else time, and no more memory than is said."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image

from beautylens.serve.settings import ServeSettings
from tests.conftest import Shop
from tests.images import bombs
from tests.images.pictures import saved
from tests.outside.meanwhile import assert_unnoticed
from tests.outside.process import Served, until
from tests.outside.test_attack import alive
from tests.serve.conftest import WRITER

pytestmark = pytest.mark.alone

MEBIBYTE = 1 << 20
# What decoding may take, the files themselves, and what the processes keep.
CEILING = ServeSettings(collection="").decoding_bytes + 600 * MEBIBYTE

REFUSED = {
    "PNG of empty chunks": bombs.png_of_empty_chunks,
    "JPEG of scans": bombs.jpeg_of_scans,
    "JPEG of hidden scans": bombs.jpeg_of_hidden_scans,
    "JPEG of segments": bombs.jpeg_of_segments,
    "JPEG of filler": bombs.jpeg_of_filler,
    "arithmetic JPEG": bombs.arithmetic_jpeg,
    "GIF of blocks": bombs.gif_of_blocks,
    "GIF of skipped bytes": bombs.gif_of_skipped_bytes,
    "WebP of chunks": bombs.webp_of_chunks,
    "HEIC of items": bombs.heic_of_items,
    "HEIC of another coding": bombs.uncompressed_heic,
    "TIFF of a huge tile": bombs.tiff_of_a_huge_tile,
    "TIFF of large tiles": bombs.tiff_of_large_tiles,
    "TIFF of overhanging tiles": bombs.tiff_of_overhanging_tiles,
    "TIFF of strips": bombs.tiff_of_strips,
    "BMP of runs": bombs.bmp_of_runs,
}


def large(mode: str, kind: str, **options: object) -> bytes:
    """A picture of as many pixels as are allowed, of a mode that takes much memory of each."""
    grain = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    picture = Image.fromarray(grain).convert("RGB").convert(mode).resize((7_000, 7_000))
    return saved(picture, kind, **options)


def sixteen_bits() -> bytes:
    return saved(Image.fromarray(np.zeros((7_000, 7_000), np.uint16)), "PNG", compress_level=1)


LARGE = {
    "WebP of one colour": bombs.webp_of_nothing,
    "CMYK": lambda: large("CMYK", "JPEG", quality=30),
    "RGBA": lambda: large("RGBA", "PNG", compress_level=1),
    "16 bits": sixteen_bits,
    "GIF of comments": bombs.gif_of_comments,
    "PNG of profiles": bombs.png_of_profiles,
    "JPEG of as many scans as are allowed": lambda: bombs.jpeg_of_scans(31),
}


def words(file: Path) -> list[int]:
    """The numbers in a file of the system; none of a thread or process that has just ended."""
    try:
        return [int(word) for word in file.read_text("ascii").split()]
    except OSError:
        return []


def resident(server: Served) -> int:
    """Bytes that a server and its decoders have in memory, shared libraries left out."""
    process = Path(f"/proc/{server.process.pid}")
    decoders = [pid for file in process.glob("task/*/children") for pid in words(file)]
    pages = 0
    for each in (process, *(Path(f"/proc/{pid}") for pid in decoders)):
        match words(each / "statm"):
            case [_, whole, files, *_]:
                pages += whole - files
    return pages * os.sysconf("SC_PAGESIZE")


@contextmanager
def most_resident(server: Served) -> Iterator[list[int]]:
    """Give the most memory that was in use while the block ran."""
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            most[0] = max(most[0], resident(server))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


def search(server: Served, data: bytes) -> int:
    answer = httpx2.post(f"{server.address}/v1/search", files={"image": data}, timeout=60)
    return answer.status_code


@pytest.mark.parametrize("kind", REFUSED)
def test_a_picture_of_too_many_parts_holds_up_nobody(server: Served, shop: Shop, kind: str) -> None:
    data = REFUSED[kind]()

    def attack() -> None:
        for _ in range(4):
            assert search(server, data) == 422
            answer = httpx2.put(
                f"{server.address}/v1/products/x",
                files={"image": data}, headers=WRITER, timeout=60,
            )  # fmt: skip
            assert answer.status_code == 422

    assert_unnoticed(server, shop.photo(0).read_bytes(), attack)


def at_once(work: Callable[[], int], times: int) -> set[int]:
    """Do the same from several threads; return the statuses that came."""
    statuses: set[int] = set()
    threads = [threading.Thread(target=lambda: statuses.add(work())) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


@pytest.mark.parametrize("kind", LARGE)
def test_large_pictures_at_once_keep_to_one_budget_of_memory(
    server: Served, shop: Shop, kind: str
) -> None:
    search(server, shop.photo(0).read_bytes())
    before, data = resident(server), LARGE[kind]()
    with most_resident(server) as most:
        # Some are told to come back; nobody is told that the server failed.
        assert at_once(lambda: search(server, data), 8) <= {200, 422, 429, 503}
    assert most[0] - before < CEILING
    assert alive(server)
    # Searches that nobody waits for any more may still run, on a busy machine for some seconds.
    until(lambda: search(server, shop.photo(0).read_bytes()) == 200)


@pytest.mark.parametrize("kind", LARGE)
def test_large_pictures_one_after_the_other_hold_up_nobody(
    server: Served, shop: Shop, kind: str
) -> None:
    data = LARGE[kind]()

    def attack() -> None:
        for _ in range(2):
            assert search(server, data) in (200, 422, 503)

    assert_unnoticed(server, shop.photo(0).read_bytes(), attack)
