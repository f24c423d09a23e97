"""A small shop for the tests: drawn packs, a catalogue table, and a collection of it."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings

from beautylens.collection import Collection, open_collection
from beautylens.indexing import build

# The same examples in every run: a red test stays red until it is mended.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

BRANDS = ("Aurelle", "Nordlys", "Kumo")


@dataclass(frozen=True)
class Shop:
    """A folder with a catalogue table, its pictures, and photos of some of its products."""

    folder: Path

    @property
    def table(self) -> Path:
        return self.folder / "catalogue.csv"

    def picture(self, number: int) -> Path:
        return self.folder / "gallery" / f"{number:02}.jpg"

    def photo(self, number: int) -> Path:
        return self.folder / "photos" / f"{number:02}.jpg"


def draw_pack(number: int) -> np.ndarray:
    """A pack on white, 400 x 300 pixels BGR: its own shape, colour and lines of print."""
    rng = np.random.default_rng(number)
    pack = np.full((400, 300, 3), 255, np.uint8)
    hue = np.array([[[number * 47 % 180, 150, 215]]], np.uint8)
    colour = cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0].tolist()
    shapes = (
        lambda: cv2.rectangle(pack, (40, 20), (260, 380), colour, -1),
        lambda: cv2.ellipse(pack, (150, 200), (145, 195), 0, 0, 360, colour, -1),
        lambda: cv2.fillConvexPoly(
            pack, np.array([[10, 20], [290, 20], [240, 390], [60, 390]]), colour
        ),
        lambda: cv2.rectangle(pack, (5, 120), (295, 300), colour, -1),
    )
    shapes[number % 4]()
    for line in range(8):
        text = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVXYZ23456789"), 8))
        cv2.putText(pack, text, (62, 62 + 42 * line), cv2.FONT_HERSHEY_DUPLEX, 1.0, (25, 20, 40), 2)
    return pack


def photograph(picture: np.ndarray, number: int) -> np.ndarray:
    """The pack turned and tilted on a grey table."""
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = np.array([[120, 90], [395, 130], [380, 500], [90, 470]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, seen + number)
    return cv2.warpPerspective(picture, matrix, (520, 600), borderValue=(120, 128, 131))


def write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def catalogue_rows(count: int) -> list[dict[str, str]]:
    return [
        {
            "product_id": f"p{number:02}",
            "image": f"gallery/{number:02}.jpg",
            "name": f"Crème {number:02} {'rouge' if number % 2 else 'day'}",
            "brand": BRANDS[number % 3],
            "shade": f"{number:03}",
        }
        for number in range(count)
    ]


def make_shop(folder: Path, count: int) -> Shop:
    for name in ("gallery", "photos"):
        (folder / name).mkdir(parents=True)
    shop = Shop(folder)
    for number in range(count):
        pack = draw_pack(number)
        cv2.imwrite(str(shop.picture(number)), pack)
        if number < 4:
            cv2.imwrite(str(shop.photo(number)), photograph(pack, number))
    write_table(shop.table, catalogue_rows(count))
    return shop


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of one test run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def shop(run_folder: Path) -> Shop:
    """Twelve products with four photos; read only."""
    with once(run_folder / "shop") as missing:
        if missing:
            make_shop(run_folder / "shop", 12)
    return Shop(run_folder / "shop")


@pytest.fixture(scope="session")
def collection(shop: Shop, run_folder: Path) -> Collection:
    """The shop, indexed with the default recipe; read only."""
    folder = run_folder / "shop.lens"
    with once(folder) as missing:
        if missing:
            build(shop.table, folder)
    return open_collection(folder)


@contextmanager
def once(folder: Path) -> Iterator[bool]:
    """Tell whether a folder has still to be made; other processes wait until it has been."""
    made = folder.with_name(f"{folder.name}.made")
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        yield not made.exists()
        made.touch()


@pytest.fixture(scope="session")
def copied(collection: Collection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's collection, to be written to."""
    return Path(
        shutil.copytree(collection.gallery.address, tmp_path_factory.mktemp("served") / "shop.lens")
    )
