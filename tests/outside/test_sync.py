"""A Milvus server filled from a collection and kept in step with it, whatever comes between."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pytest

from beautylens.cli.sync import sync as command
from beautylens.collection import Collection, open_collection
from beautylens.errors import CollectionError
from beautylens.search.retrieve import nearest
from beautylens.store.milvus.index import INDEXES
from beautylens.store.milvus.sync import in_step, sync
from beautylens.store.milvus.vector_index import open_with_milvus
from beautylens.store.table import Table, table_address
from tests.conftest import Shop
from tests.outside.milvus import (
    client,
    free_port,
    made,
    milvus,
    queries,
    rows,
    run,
    synced,
)
from tests.outside.process import until

pytest.importorskip("pymilvus", reason="needs the extra scale")
pytest.importorskip("milvus_lite", reason="needs the extra outside")


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
    far = open_with_milvus(folder, address)
    assert {"p00003/a", "p00004/a"}.isdisjoint(
        m.image_id for m in nearest(far, queries(far, 1)[0], 60)
    )
    assert not in_step(far.vectors)
    before = synced(folder, address, write=False)
    assert (before.missing, before.gallery.images, before.cluster.images) == (6, 53, 50)
    assert before.cluster.version < before.gallery.version
    assert synced(folder, address)[2:] == (6, 2)
    after = synced(folder, address, write=False)
    assert after.gallery == after.cluster == (gallery.version, 53)
    assert in_step(far.vectors)
    assert far.vectors.cluster.count() == 53
    assert far.vectors.cluster.version() == gallery.version
    found = nearest(far, queries(far, 1)[0], 60, "name = 'Renamed'")
    assert [match.image_id for match in found] == ["p00010/a"]


def test_rows_that_others_changed_in_the_cluster_are_mended(cluster: str, tmp_path: Path) -> None:
    made(tmp_path / "g.lens", 20)
    synced(tmp_path / "g.lens", f"{cluster}/mended")
    far = open_with_milvus(tmp_path / "g.lens", f"{cluster}/mended")
    far.vectors.cluster.delete(["p00001/a", "p00002/a"])
    stranger = rows(range(90, 91))
    for name in ("image", "category", "gtin"):
        stranger = stranger.append_column(name, pa.array([""]))
    assert not in_step(far.vectors)
    far.vectors.cluster.upsert(stranger, np.array([7]))
    assert synced(tmp_path / "g.lens", f"{cluster}/mended")[2:] == (2, 1)


def test_a_sync_that_was_killed_is_gone_on_with(cluster: str, tmp_path: Path) -> None:
    folder, address = tmp_path / "g.lens", f"{cluster}/killed"
    made(folder, 20_000, dimensions=64)
    filling = (
        "import sys; from beautylens.store.milvus.sync import sync; "
        "from beautylens.store.milvus.vector_index import open_with_milvus as Gallery; "
        "sync(Gallery(*sys.argv[1:]).vectors, lambda *_: None)"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", filling, folder, address],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    there = open_with_milvus(folder, address).vectors.cluster
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
        CollectionError, match=r"has vectors of encoder e0 in place of vectors of e1"
    ):
        synced(tmp_path / "two.lens", f"{cluster}/owned")


def test_a_cluster_of_another_collection_is_refused_and_stays_as_it_is(
    cluster: str, tmp_path: Path
) -> None:
    address = f"{cluster}/foreign"
    owner, other = tmp_path / "one.lens", tmp_path / "two.lens"
    made(owner, 5)
    made(other, 3)
    synced(owner, address)
    refused = "has the vectors of another collection; use another NAME .* or drop the collection"
    for write in (True, False):
        with pytest.raises(CollectionError, match=refused):
            synced(other, address, write=write)
    there = open_with_milvus(other, address)
    with pytest.raises(CollectionError, match=refused):
        nearest(there, queries(there, 1)[0], 3)
    assert open_with_milvus(owner, address).vectors.cluster.count() == 5
    assert in_step(open_with_milvus(owner, address).vectors)


def test_a_collection_made_anew_at_the_same_place_is_another(cluster: str, tmp_path: Path) -> None:
    address = f"{cluster}/anew"
    made(tmp_path / "g.lens", 5)
    synced(tmp_path / "g.lens", address)
    shutil.rmtree(tmp_path / "g.lens")
    made(tmp_path / "g.lens", 5, seed=0)
    with pytest.raises(CollectionError, match="another collection"):
        in_step(open_with_milvus(tmp_path / "g.lens", address).vectors)


def first_of_two(address: str, folder: Path) -> str:
    """Make two collections, fill a cluster from the first, and return where."""
    made(folder / "one.lens", 5)
    made(folder / "two.lens", 5)
    synced(folder / "one.lens", address)
    return address


def test_a_cluster_that_comes_to_hold_another_collection_is_noticed(
    cluster: str, tmp_path: Path
) -> None:
    address = first_of_two(f"{cluster}/taken", tmp_path)
    far = open_with_milvus(tmp_path / "one.lens", address)
    far.ready()
    client(address).drop_collection("taken")
    with pytest.raises(CollectionError, match="does not exist"):
        far.ready()
    assert not in_step(far.vectors)
    synced(tmp_path / "two.lens", address)
    for noticing in (far.ready, partial(in_step, far.vectors)):
        with pytest.raises(CollectionError, match="another collection"):
            noticing()


def test_a_sync_killed_while_it_deletes_leaves_no_version(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another sync, of a newer version, is done meanwhile; what it wrote is deleted again."""
    folder, address = tmp_path / "g.lens", f"{cluster}/crossed"
    gallery = made(folder, 20)
    synced(folder, address)
    gallery.delete(["p00000"])
    old = open_with_milvus(folder, address)

    def other(*_: int) -> None:
        gallery.upsert(rows(range(20, 25)))
        synced(folder, address)
        assert in_step(old.vectors)

    monkeypatch.setattr(old.vectors.cluster, "mark_synced", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        sync(old.vectors, other)
    assert old.vectors.cluster.count() == 19
    assert old.vectors.cluster.version() is None
    assert synced(folder, address)[2:] == (5, 0)


def test_the_version_told_is_the_one_that_was_compared(cluster: str, tmp_path: Path) -> None:
    folder, address = tmp_path / "g.lens", f"{cluster}/told"
    gallery = made(folder, 5)
    version = gallery.version
    done = sync(
        open_with_milvus(folder, address).vectors, lambda *_: gallery.upsert(rows(range(5, 6)))
    )
    assert done.gallery == (version, 5)
    assert open_with_milvus(folder, address).vectors.cluster.version() == version


def test_the_command_tells_what_it_did_and_what_differs(
    cluster: str, collection: Collection, shop: Shop, tmp_path: Path
) -> None:
    folder = shutil.copytree(collection.gallery.address, tmp_path / "c.lens")
    options = ("--vectors", f"{cluster}/command")
    written = run("sync", folder, *options).stdout
    assert "12 written, 0 deleted" in written
    checked = run("sync", folder, *options, "--check")
    assert checked.returncode == 0
    told = [line.rpartition("version")[2] for line in checked.stdout.splitlines()[1:]]
    assert len(told) == 2
    assert told[0] == told[1]
    open_collection(folder).remove(["p05"])
    checked = run("sync", folder, *options, "--check")
    assert checked.returncode == 1
    assert "run `beautylens sync" in checked.stderr
    facts = json.loads(run("info", folder, *options, "--json").stdout)
    assert facts["vectors"]["images"] == 12
    assert facts["vectors"]["version"] < facts["version"]
    assert "0 written, 1 deleted" in run("sync", folder, *options).stdout
    found = run("search", folder, shop.photo(2), "-k", "1", "--format", "json", *options)
    assert json.loads(found.stdout)["matches"][0]["product_id"] == "p02"


# What a shell starts in the background ignores interrupts, and so does what that starts.
HEEDING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from beautylens.cli import main
main()
"""


@contextmanager
def following(folder: Path, address: str, told: Path) -> Iterator[None]:
    """Have a sync that goes on until the block ends; what it says goes into a file."""
    with told.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", HEEDING, "sync", folder, "--every", "1", "--vectors", address],
            stdout=out, stderr=out,
        )  # fmt: skip
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130


def test_a_sync_that_goes_on_follows_the_collection(
    cluster: str, collection: Collection, tmp_path: Path
) -> None:
    folder = shutil.copytree(collection.gallery.address, tmp_path / "c.lens")
    address, told = f"{cluster}/following", tmp_path / "told"
    with following(folder, address, told):
        there = open_with_milvus(folder, address).vectors.cluster
        until(lambda: there.exists() and there.count() == 12)
        open_collection(folder).remove(["p01"])
        until(lambda: there.count() == 11)
        # Dropped under it, it is made and filled again.
        until(lambda: there.version() is not None)
        client(address).drop_collection("following")
        until(lambda: there.exists() and there.version() is not None)
        assert there.count() == 11
        # Rows that others deleted are written again, although the versions agree.
        gone = [
            match.image_id for match in open_with_milvus(folder, address).products.images("p02")
        ]
        client(address).delete("following", ids=gone)
        until(lambda: there.count() == 10)
        until(lambda: there.count() == 11)
        # Another collection at the same place, its versions the same, is not taken for it.
        with Table(table_address(str(folder), "settings")).writing() as settings:
            settings.update({"value": "'\"another\"'"}, where="key = 'id'")
        until(lambda: "has the vectors of another collection" in told.read_text())


def test_a_sync_that_goes_on_says_when_the_index_is_outgrown(
    cluster: str, collection: Collection, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = str(shutil.copytree(collection.gallery.address, tmp_path / "c.lens"))
    told = []

    def sleep(_: float) -> None:
        told.append("DISKANN suits the present number" in capsys.readouterr().err)
        if len(told) == 3:
            raise KeyboardInterrupt
        if len(told) == 1:
            monkeypatch.setattr("beautylens.cli.sync.index_for", lambda _: INDEXES[-1])
            open_collection(folder).remove(["p01"])

    # Milvus's client sleeps too.
    clock = SimpleNamespace(sleep=sleep, perf_counter=time.perf_counter)
    monkeypatch.setattr("beautylens.cli.sync.time", clock)
    with pytest.raises(KeyboardInterrupt):
        command(folder, f"{cluster}/outgrown", every=1)
    # After the sync that found it so, and not when there was nothing to do.
    assert told == [False, True, False]


def test_a_sync_that_goes_on_waits_for_a_server(collection: Collection, tmp_path: Path) -> None:
    port, told = free_port(), tmp_path / "told"
    folder = shutil.copytree(collection.gallery.address, tmp_path / "c.lens")
    with following(folder, f"milvus+http://127.0.0.1:{port}/late", told):
        until(lambda: "Milvus does not answer" in told.read_text())
        with milvus(tmp_path / "milvus", port) as (address, _):
            there = open_with_milvus(folder, f"{address}/late")
            until(
                lambda: (
                    there.vectors.cluster.exists() and there.vectors.cluster.version() is not None
                )
            )
            assert there.vectors.cluster.count() == 12


def test_without_the_extra_a_command_gives_the_line_that_installs_it(
    collection: Collection, tmp_path: Path
) -> None:
    (tmp_path / "pymilvus.py").write_text("raise ModuleNotFoundError(name='pymilvus')")
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    ended = run(
        "sync", collection.gallery.address, "--vectors", "milvus+http://h/n", PYTHONPATH=path
    )
    assert ended.returncode == 1
    assert "pip install '.[scale]'" in ended.stderr
