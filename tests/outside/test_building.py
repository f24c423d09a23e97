"""Builds in processes of their own: killed, interrupted, two at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from beautylens.collection import open_collection
from beautylens.errors import CollectionError
from beautylens.indexing import build
from beautylens.store.gallery import Gallery
from tests.cli.test_cli import run
from tests.conftest import catalogue_rows, draw_pack, make_shop, write_table
from tests.ingest.test_fill import stored

# Small and slow commits, so that a kill falls between, before and inside several of them.
BUILD = """
import sys, time
import beautylens
from beautylens.ingest import fill as build
build.COMMIT_IMAGES = 4
commit = build._Batch.commit
build._Batch.commit = lambda batch: (time.sleep(0.1), commit(batch))
beautylens.index(sys.argv[1], sys.argv[2], workers=1)
"""


def test_a_build_killed_again_and_again_ends_with_every_image_once(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 40)
    target = tmp_path / "killed.lens"
    rng = np.random.default_rng(0)
    seen: set[str] = set()
    kills = 0
    while kills < 5:
        process = subprocess.Popen([sys.executable, "-c", BUILD, str(shop.table), str(target)])
        try:
            while not grown(target, len(seen)) and process.poll() is None:
                time.sleep(0.02)
            time.sleep(float(rng.random()) * 0.15)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        if process.returncode == 0:
            break
        kills += 1
        found = Gallery(target).rows.image_ids()
        assert seen <= found, "a committed image was lost"
        seen = found
    assert kills >= 2
    resumed, filled = build(shop.table, target)
    assert filled.present + filled.written == 40
    whole, _ = build(shop.table, tmp_path / "whole.lens")
    found, expected = stored(resumed), stored(whole)
    assert found.keys() == expected.keys()
    assert resumed.gallery.products.count() == 40
    for image_id, descriptor in expected.items():
        assert descriptor @ found[image_id] > 0.999


def grown(target: Path, before: int) -> bool:
    """Tell whether the gallery holds more images than before; False while it is not there yet."""
    try:
        return len(Gallery(target).rows.image_ids()) > before
    except (CollectionError, OSError, ValueError, RuntimeError):
        return False


MIRROR = """
import sys, time
import beautylens
from beautylens.ingest import fill as build
from beautylens.store.table import Table
build.COMMIT_IMAGES = 2
merge, delete = Table.merge, Table.delete
Table.merge = lambda *args, **options: (time.sleep(0.1), merge(*args, **options), time.sleep(0.1))
Table.delete = lambda *args: (time.sleep(0.1), delete(*args), time.sleep(0.1))
beautylens.open(sys.argv[2]).mirror(sys.argv[1], workers=1)
"""


def test_a_mirror_killed_again_and_again_ends_equal_to_its_table(tmp_path: Path) -> None:
    (tmp_path / "fast.toml").write_text("[encoder]\nside = 64\n")
    shop = make_shop(tmp_path / "shop", 20)
    target = tmp_path / "killed.lens"
    build(shop.table, target, recipe=tmp_path / "fast.toml")
    rows = catalogue_rows(20)[4:]
    for number, row in enumerate(rows, 4):
        if number % 2:
            cv2.imwrite(str(shop.picture(number)), draw_pack(number + 50))
        row["name"] += " again"
    write_table(shop.table, rows)
    rng = np.random.default_rng(0)
    kills = 0
    while kills < 5:
        before = Gallery(target).version
        process = subprocess.Popen([sys.executable, "-c", MIRROR, str(shop.table), str(target)])
        try:
            while Gallery(target).version == before and process.poll() is None:
                time.sleep(0.02)
            time.sleep(float(rng.random()) * 0.25)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        if process.returncode == 0:
            break
        kills += 1
    assert kills >= 2
    collection = open_collection(target)
    collection.mirror(shop.table)
    assert collection.plan(shop.table).is_empty
    whole, _ = build(shop.table, tmp_path / "whole.lens", recipe=tmp_path / "fast.toml")
    names = [*collection.gallery.rows.text_columns, "path", "digest"]
    mirrored, expected = (
        each.gallery.rows.select(names).sort_by("image_id") for each in (collection, whole)
    )
    assert mirrored.to_pylist() == expected.to_pylist()


def test_an_interrupted_build_says_so_and_goes_on(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 150)
    # Background jobs of a shell ignore interruptions, and so would what they start.
    command = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command += "from beautylens.ingest import fill; fill.COMMIT_IMAGES = 2\n"
    command += "from beautylens.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", command, "index", str(shop.table), str(tmp_path / "c.lens")],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    # Python drops an interruption that comes while it removes a weak reference, as when a
    # collection is opened.
    while not grown(tmp_path / "c.lens", 0) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130, said
    assert "run the same command again to resume" in said
    assert "Traceback" not in said
    assert "150 products, 150 pictures" in run("index", shop.table, tmp_path / "c.lens").stderr


def test_two_processes_building_one_folder_lose_nothing(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 6)
    target = tmp_path / "both.lens"
    command = [sys.executable, "-c", BUILD, str(shop.table), str(target)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    assert len(stored(open_collection(target))) == 6
