"""Building on a Ray cluster of two nodes: the same rows, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from beautylens import cluster
from beautylens.catalogue.table import Catalogue
from beautylens.collection import Collection, open_collection
from beautylens.errors import BeautylensError, CollectionError
from beautylens.indexing import build
from beautylens.store.gallery import Gallery
from tests.conftest import Shop, catalogue_rows, make_shop, write_table
from tests.outside.process import until

pytest.importorskip("ray")
PRODUCTS = 130


@pytest.fixture(scope="module")
def nodes() -> Iterator[str]:
    """Two nodes of one core each."""
    from ray.cluster_utils import Cluster

    started = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    started.add_node(num_cpus=1)
    yield started.address
    started.shutdown()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Enough products for several blocks; two pictures of the first, one of which is broken."""
    shop = make_shop(tmp_path_factory.mktemp("large"), PRODUCTS)
    shop.picture(PRODUCTS).write_bytes(b"no picture")
    rows = catalogue_rows(PRODUCTS)
    rows[0]["image"] = f"{rows[0]['image']};gallery/{PRODUCTS:02}.jpg"
    write_table(shop.table, rows)
    return shop


@pytest.fixture(scope="module")
def plain(large: Shop, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """The same, built by one process."""
    return build(large.table, tmp_path_factory.mktemp("plain") / "plain.lens")[0]


def rows_of(collection: Collection) -> dict[str, dict[str, object]]:
    """Every row by its image's id; fails if one is there twice."""
    rows = collection.gallery._images.to_arrow().to_pylist()
    found = {row["image_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def assert_same(made: Collection, plain: Collection) -> None:
    there, wanted = rows_of(made), rows_of(plain)
    assert there.keys() == wanted.keys()
    for image_id, row in there.items():
        for name in ("descriptor", "aggregate"):
            if name in row:
                np.testing.assert_allclose(row.pop(name), wanted[image_id][name], atol=1e-6)
        assert row == {name: wanted[image_id][name] for name in row}
    assert [f.image_id for f in made.failures()] == [f.image_id for f in plain.failures()]


def index(table: Path, target: Path, address: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "beautylens", "index", str(table), str(target), "--ray", address],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def begun(table: Path, target: Path, address: str) -> subprocess.Popen[str]:
    """Start a build, and wait until a worker has written its first block."""
    building = index(table, target, address)
    until(lambda: list(target.glob("images.lance/data/*")), 400)
    return building


def workers() -> list[int]:
    """Return the processes that describe pictures for a cluster."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                name = (folder / "cmdline").read_text("utf-8")
            except OSError:
                continue
            if name.startswith("ray::") and "MapBatches(Worker)" in name:
                found.append(int(folder.name))
    return found


def test_a_cluster_builds_what_one_process_builds(
    nodes: str, large: Shop, plain: Collection, tmp_path: Path
) -> None:
    told = []
    made, filled = build(large.table, tmp_path / "ray.lens", ray=nodes, progress=told.append)
    assert_same(made, plain)
    assert (filled.written, filled.present, len(filled.failures)) == (PRODUCTS, 0, 1)
    assert len(told) > 2
    assert told[-1].done == told[-1].total == PRODUCTS + 1
    # Again: nothing is left to do but to try the broken picture.
    again = build(large.table, tmp_path / "ray.lens", ray=nodes)[1]
    assert (again.written, len(again.failures)) == (1, 1)
    assert_same(open_collection(tmp_path / "ray.lens"), plain)


@pytest.mark.parametrize("when", ["before a commit", "at the same moment"])
def test_products_that_another_process_writes_meanwhile_are_there_once(
    when: str, large: Shop, plain: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "shared.lens"
    others = write_table(large.folder / "others.csv", catalogue_rows(8)[5:])

    def write() -> None:
        open_collection(target).add(others)

    def pieces(_: object, collection: Collection, catalogue: Catalogue) -> Iterator[cluster.Piece]:
        work = cluster.Worker(str(target), catalogue.folder, catalogue.extra, 1)
        for number, block in enumerate(cluster._blocks(catalogue.rows, 1)):
            yield cluster.Piece.from_json(work(block)["piece"][0].as_py())
            if number == 0 and when == "before a commit":
                write()

    @contextmanager
    def connected(_: str) -> Iterator[None]:
        yield

    known = Gallery.publish

    def publish(gallery: Gallery, fragments: list[str], examined: int) -> list[str]:
        """The commit of somebody else comes right before this one."""
        monkeypatch.setattr(Gallery, "publish", known)
        write()
        return known(gallery, fragments, examined)

    if when == "at the same moment":
        monkeypatch.setattr(Gallery, "publish", publish)
    monkeypatch.setattr(cluster, "_pieces", pieces)
    monkeypatch.setattr(cluster, "connected", connected)
    made, filled = build(large.table, target, ray="local")
    assert_same(made, plain)
    assert filled.written + filled.present == PRODUCTS


def test_a_worker_that_is_killed_loses_nothing(
    nodes: str, large: Shop, plain: Collection, tmp_path: Path
) -> None:
    target = tmp_path / "killed.lens"
    building = begun(large.table, target, nodes)
    for worker in workers():
        os.kill(worker, signal.SIGKILL)
    assert building.wait(300) == 0, building.communicate()[1]
    assert_same(open_collection(target), plain)


def test_a_driver_that_is_killed_is_gone_on_from(
    nodes: str, large: Shop, plain: Collection, tmp_path: Path
) -> None:
    target = tmp_path / "driver.lens"
    building = begun(large.table, target, nodes)
    building.kill()
    building.wait()
    until(lambda: not workers(), 400)
    made, _ = build(large.table, target, ray=nodes)
    assert_same(made, plain)


def test_a_cluster_that_is_not_there_is_named(large: Shop, tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(CollectionError, match=r"there is no Ray cluster at 127\.0\.0\.1:1 "):
        build(large.table, tmp_path / "none.lens", ray="127.0.0.1:1")
    assert time.monotonic() - started < 60


def test_without_ray_the_extra_to_install_is_named(
    large: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BeautylensError, match=r"run: pip install 'beautylens\[scale\]'"):
        build(large.table, tmp_path / "none.lens", ray="local")
