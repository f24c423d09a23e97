"""Building on a Ray cluster of two nodes: the same rows, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beautylens import indexing
from beautylens.catalogue.table import Catalogue
from beautylens.cluster import build as cluster
from beautylens.collection import Collection, open_collection
from beautylens.errors import BeautylensError, CollectionError
from beautylens.indexing import build
from beautylens.store.gallery import Gallery
from tests.conftest import Shop, catalogue_rows, make_shop, write_table
from tests.outside.process import until

pytest.importorskip("ray", reason="needs the extra scale")
pytest.importorskip("boto3", reason="needs the extra outside")

from tests.outside.object_storage import object_storage, upload

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
    rows = collection.gallery.rows.table.select().to_pylist()
    found = {row["image_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def assert_same(made: Collection, plain: Collection) -> None:
    there, wanted = rows_of(made), rows_of(plain)
    assert there.keys() == wanted.keys()
    for image_id, row in there.items():
        for name in ("descriptor", "vlad"):
            if name in row:
                np.testing.assert_allclose(row.pop(name), wanted[image_id][name], atol=1e-6)
        assert row == {name: wanted[image_id][name] for name in row}
    assert [f.image_id for f in made.failures()] == [f.image_id for f in plain.failures()]


def index(table: Path, target: Path, address: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "beautylens", "index", str(table), str(target), "--ray", address],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **environment},
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
            if name.startswith("ray::Worker"):
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
    assert told[-1].blocks_done == told[-1].blocks > 2
    # Again: nothing is left to do but to try the broken picture.
    again = build(large.table, tmp_path / "ray.lens", ray=nodes)[1]
    assert (again.written, len(again.failures)) == (1, 1)
    assert_same(open_collection(tmp_path / "ray.lens"), plain)


def test_workers_get_the_storage_environment_of_the_driver(
    nodes: str, large: Shop, plain: Collection
) -> None:
    # The nodes were started without it.
    with object_storage() as bucket:
        table = f"{upload(large.folder, 'goods')}/catalogue.csv"
        made, filled = build(table, f"{bucket}/ray.lens", ray=nodes)
        assert (filled.written, len(filled.failures)) == (PRODUCTS, 1)
        assert rows_of(made).keys() == rows_of(plain).keys()


class PoolOfOne:
    """Describes in this process, and does something between the first block and the second."""

    size = 1

    def __init__(
        self, collection: Collection, catalogue: Catalogue, between: Callable[[], None]
    ) -> None:
        address, extra = collection.gallery.address, catalogue.extra
        self._worker = cluster.Worker(address, catalogue.folder, extra, 1, {})
        self._between = between

    def map_unordered(self, method: str, tasks: Iterable[Any], _: object) -> Iterator[Any]:
        for number, task in enumerate(tasks):
            yield task, getattr(self._worker, method)(task)
            if number == 0 and method == "describe":
                self._between()
                yield None


def without_ray(monkeypatch: pytest.MonkeyPatch, between: Callable[[], None]) -> None:
    @contextmanager
    def connected(_: str) -> Iterator[object]:
        yield object()

    monkeypatch.setattr(indexing, "connected", connected)
    monkeypatch.setattr(cluster, "_pool", lambda _, *of: PoolOfOne(*of, between))


@pytest.mark.parametrize("when", ["before a commit", "at the same moment"])
def test_products_that_another_process_writes_meanwhile_are_there_once(
    when: str, large: Shop, plain: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "shared.lens"
    others = write_table(large.folder / "others.csv", catalogue_rows(8)[5:])

    def write() -> None:
        open_collection(target).add(others)

    known = Gallery.publish

    def publish(gallery: Gallery, fragments: list[str], examined: int) -> list[str]:
        """The commit of somebody else comes right before this one."""
        monkeypatch.setattr(Gallery, "publish", known)
        write()
        return known(gallery, fragments, examined)

    if when == "at the same moment":
        monkeypatch.setattr(Gallery, "publish", publish)
    without_ray(monkeypatch, write if when == "before a commit" else lambda: None)
    made, filled = build(large.table, target, ray="local")
    assert_same(made, plain)
    assert filled.written + filled.present == PRODUCTS


def test_what_is_done_is_committed_by_the_clock_while_nothing_comes(
    large: Shop, plain: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "waiting.lens"
    # How many pictures there are whenever the driver is given something, or nothing.
    seen: list[int] = []
    commit_if_due = cluster._Publisher.commit_if_due

    def watched(publisher: cluster._Publisher) -> None:
        commit_if_due(publisher)
        seen.append(Gallery(target).rows.count())

    monkeypatch.setattr(cluster._Publisher, "commit_if_due", watched)
    monkeypatch.setattr(cluster, "_FIRST_COMMIT_SECONDS", 20.0)
    later = time.monotonic() + 3600
    pass_time = partial(monkeypatch.setattr, time, "monotonic", lambda: later)
    without_ray(monkeypatch, pass_time)
    assert_same(build(large.table, target, ray="local")[0], plain)
    assert seen[0] == 0
    assert seen[1] > 0


def test_a_worker_that_is_killed_loses_nothing(
    nodes: str, large: Shop, plain: Collection, tmp_path: Path
) -> None:
    target = tmp_path / "killed.lens"
    building = begun(large.table, target, nodes)
    for worker in workers():
        os.kill(worker, signal.SIGKILL)
    assert building.wait(300) == 0, building.communicate()[1]
    assert_same(open_collection(target), plain)


def test_a_worker_that_hangs_is_replaced(
    nodes: str, large: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Many blocks, so that the worker has one when it stops.
    monkeypatch.setattr(cluster, "_MIN_BLOCK", 2)
    monkeypatch.setattr(cluster, "_MAX_BLOCK", 4)
    monkeypatch.setattr(cluster, "_WORKER_SECONDS", 30.0)
    monkeypatch.setattr(cluster, "_PICTURE_SECONDS", 0.0)
    target, recipe = tmp_path / "hung.lens", tmp_path / "fast.toml"
    recipe.write_text("[encoder]\nside = 64\n")
    hung: list[int] = []

    def hang() -> None:
        until(lambda: list(target.glob("images.lance/data/*")), 400)
        hung.append(workers()[0])
        os.kill(hung[0], signal.SIGSTOP)

    threading.Thread(target=hang, daemon=True).start()
    _, filled = build(large.table, target, recipe=recipe, read=False, ray=nodes)
    assert (filled.written, len(filled.failures)) == (PRODUCTS, 1)
    until(lambda: not Path(f"/proc/{hung[0]}").exists(), 60)


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


POISON = """
import os, signal, sys

def kill(event, arguments):
    if event == "open" and str(arguments[0]).endswith("gallery/{:02}.jpg"):
        if any("default_worker" in each for each in sys.orig_argv):
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
"""


def test_a_picture_that_kills_every_worker_is_a_failure_and_its_block_is_indexed(
    large: Shop, plain: Collection, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(POISON.format(40), "utf-8")
    target = tmp_path / "poison.lens"
    path = os.pathsep.join([str(tmp_path), *sys.path])
    building = index(large.table, target, "local", PYTHONPATH=path)
    out, told = building.communicate(timeout=400)
    assert building.returncode == 0, told
    # Ray's own words on each worker that is killed are for its log.
    assert out == ""
    assert "raylet" not in told
    made = open_collection(target)
    assert rows_of(plain).keys() - rows_of(made).keys() == {"p40/gallery/40.jpg"}
    (failure,) = (each for each in made.failures() if each.product_id == "p40")
    assert failure.error == (
        f"{large.picture(40)} kills or holds up the process that reads it, as a damaged or a very "
        "large picture can; save it again as JPEG"
    )
    # Mended, it is indexed: what was described is not described again.
    again, filled = build(large.table, target, ray="local")
    assert (filled.written, len(filled.failures)) == (1 + 1, 1)
    assert_same(again, plain)


def test_a_cluster_that_is_not_there_is_named(large: Shop, tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(CollectionError, match=r"no Ray cluster answers at 127\.0\.0\.1:1 "):
        build(large.table, tmp_path / "none.lens", ray="127.0.0.1:1")
    assert time.monotonic() - started < 60
    # Nothing is left behind that would refuse another recipe.
    with pytest.raises(CollectionError, match="no Ray cluster answers at nonsense "):
        build(large.table, tmp_path / "none.lens", ray="nonsense")
    assert not (tmp_path / "none.lens").exists()


def test_what_is_no_cluster_is_told_at_once(large: Shop, tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    started = time.monotonic()
    with pytest.raises(CollectionError, match="the server there is not Ray"):
        build(large.table, tmp_path / "none.lens", ray=f"127.0.0.1:{server.server_port}")
    assert time.monotonic() - started < 60
    server.shutdown()
    server.server_close()


def test_without_ray_the_extra_to_install_is_named(
    large: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BeautylensError, match=r"run in the folder .*: pip install '\.\[scale\]'"):
        build(large.table, tmp_path / "none.lens", ray="local")
    assert not (tmp_path / "none.lens").exists()
