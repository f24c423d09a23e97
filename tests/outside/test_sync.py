"""A Milvus server filled from a collection and kept in step with it, whatever comes between."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from beautylens.collection import Collection, open_collection
from beautylens.errors import CollectionError
from beautylens.store.clustered import ClusteredGallery
from tests.conftest import Shop
from tests.outside.milvus import made, queries, rows, run, synced
from tests.outside.process import until

pytest.importorskip("pymilvus")
pytest.importorskip("milvus_lite")


def test_products_added_renamed_and_removed_are_brought_in_step(
    cluster: str, tmp_path: Path
) -> None:
    folder, address = tmp_path / "g.lens", f"{cluster}/steps"
    gallery = made(folder, 50)
    assert synced(folder, address)[2:] == (50, 0)
    assert synced(folder, address)[2:] == (0, 0)
    gallery.delete(["p00003", "p00004"])
    renamed = rows(range(10, 11)).set_column(3, "name", pa.array(["Renamed"]))
    gallery.upsert(renamed)
    gallery.upsert(rows(range(50, 55)))
    # Before it is in step, what is gone is left out, and the rest is found.
    far = ClusteredGallery(folder, address)
    assert {"p00003/a", "p00004/a"}.isdisjoint(
        m.image_id for m in far.nearest(queries(far, 1)[0], 60)
    )
    before = synced(folder, address, write=False)
    assert (before.missing, before.gallery.images, before.cluster.images) == (6, 53, 50)
    assert before.gallery != before.cluster
    assert synced(folder, address)[2:] == (6, 2)
    after = synced(folder, address, write=False)
    assert after.gallery == after.cluster
    assert far.cluster.count() == 53
    assert far.cluster.version() == gallery.versions()
    found = far.nearest(queries(far, 1)[0], 60, "name = 'Renamed'")
    assert [match.image_id for match in found] == ["p00010/a"]


def test_rows_that_others_changed_in_the_cluster_are_mended(cluster: str, tmp_path: Path) -> None:
    made(tmp_path / "g.lens", 20)
    synced(tmp_path / "g.lens", f"{cluster}/mended")
    far = ClusteredGallery(tmp_path / "g.lens", f"{cluster}/mended")
    far.cluster.delete(["p00001/a", "p00002/a"])
    stranger = rows(range(90, 91))
    for name in ("image", "category", "gtin"):
        stranger = stranger.append_column(name, pa.array([""]))
    far.cluster.upsert(stranger, np.array([7]))
    assert synced(tmp_path / "g.lens", f"{cluster}/mended")[2:] == (2, 1)


def test_a_sync_that_was_killed_is_gone_on_with(cluster: str, tmp_path: Path) -> None:
    folder, address = tmp_path / "g.lens", f"{cluster}/killed"
    made(folder, 20_000, dimensions=64)
    filling = (
        "import sys; from beautylens.store.sync import sync; "
        "from beautylens.store.clustered import ClusteredGallery as Gallery; "
        "sync(Gallery(*sys.argv[1:]), lambda *_: None)"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", filling, folder, address],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    there = ClusteredGallery(folder, address).cluster
    until(lambda: there.exists() and there.count() > 0)
    started.send_signal(signal.SIGKILL)
    started.wait()
    left = there.count()
    assert 0 < left < 20_000
    assert there.version() is None
    mended = synced(folder, address)
    # A request that was on its way may have been carried out after the kill.
    assert 0 < mended.missing <= 20_000 - left
    assert mended.gone == 0
    assert synced(folder, address, write=False)[2:] == (0, 0)


def test_vectors_of_another_encoder_or_length_are_refused(cluster: str, tmp_path: Path) -> None:
    made(tmp_path / "one.lens", 5)
    synced(tmp_path / "one.lens", f"{cluster}/owned")
    made(tmp_path / "two.lens", 5, dimensions=16, seed=1)
    with pytest.raises(
        CollectionError, match=r"holds vectors of encoder e0.*those of e1 are wanted"
    ):
        synced(tmp_path / "two.lens", f"{cluster}/owned")


def test_the_command_tells_what_it_did_and_what_differs(
    cluster: str, collection: Collection, shop: Shop, tmp_path: Path
) -> None:
    folder = shutil.copytree(collection.gallery.address, tmp_path / "c.lens")
    options = ("--vectors", f"{cluster}/command")
    assert "12 written, 0 deleted" in run("sync", folder, *options).stdout
    checked = run("sync", folder, *options, "--check")
    assert checked.returncode == 0
    told = [line.rpartition("version")[2] for line in checked.stdout.splitlines()[1:]]
    assert len(told) == 2
    assert told[0] == told[1]
    open_collection(folder).remove(["p05"])
    checked = run("sync", folder, *options, "--check")
    assert checked.returncode == 1
    assert "bring it in step with `beautylens sync" in checked.stderr
    facts = json.loads(run("info", folder, *options, "--json").stdout)
    assert facts["vectors"]["images"] == 12
    assert facts["vectors"]["version"] < facts["version"]
    assert "0 written, 1 deleted" in run("sync", folder, *options).stdout
    found = run("search", folder, shop.photo(2), "-k", "1", "--format", "json", *options)
    assert json.loads(found.stdout)["matches"][0]["product_id"] == "p02"


def test_a_sync_that_goes_on_follows_the_collection(
    cluster: str, collection: Collection, tmp_path: Path
) -> None:
    folder = shutil.copytree(collection.gallery.address, tmp_path / "c.lens")
    following = subprocess.Popen(
        [sys.executable, "-m", "beautylens", "sync", folder, "--every", "1",
         "--vectors", f"{cluster}/following"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        there = ClusteredGallery(folder, f"{cluster}/following").cluster
        until(lambda: there.exists() and there.count() == 12)
        open_collection(folder).remove(["p01"])
        until(lambda: there.count() == 11)
    finally:
        following.send_signal(signal.SIGINT)
        assert following.wait(30) == 130


def test_without_the_extra_a_command_gives_the_line_that_installs_it(
    collection: Collection, tmp_path: Path
) -> None:
    (tmp_path / "pymilvus.py").write_text("raise ModuleNotFoundError(name='pymilvus')")
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    ended = run(
        "sync", collection.gallery.address, "--vectors", "milvus+http://h/n", PYTHONPATH=path
    )
    assert ended.returncode == 1
    assert "pip install 'beautylens[scale]'" in ended.stderr
