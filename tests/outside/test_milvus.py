"""The nearest found by a Milvus server: as without it, filters too, and never done without."""

from __future__ import annotations

import signal
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import requests

from beautylens.collection import Collection, open_collection
from beautylens.errors import CollectionError, QueryError
from beautylens.indexing import build
from beautylens.search.retrieve import nearest
from beautylens.store.gallery import Gallery
from beautylens.store.milvus.sync import in_step, sync
from beautylens.store.milvus.vector_index import open_with_milvus
from tests.conftest import Shop
from tests.outside.milvus import free_port, made, milvus, queries, rows, run, synced
from tests.outside.process import served

pytest.importorskip("pymilvus", reason="needs the extra scale")
pytest.importorskip("milvus_lite", reason="needs the extra outside")


@pytest.fixture(scope="module")
def filled(cluster: str, collection: Collection) -> str:
    """The shop's vectors; read only."""
    synced(collection.gallery.address, f"{cluster}/shop")
    return f"{cluster}/shop"


def test_a_search_finds_what_it_finds_without_the_cluster(
    filled: str, collection: Collection, shop: Shop
) -> None:
    """Both short-lists, deep and by print, come from the cluster; all scores are the gallery's."""
    there = open_collection(collection.gallery.address, filled)
    for number in range(4):
        here, far = collection.search(shop.photo(number)), there.search(shop.photo(number))
        assert [m.product for m in far] == [m.product for m in here]
        assert [m.score for m in far] == pytest.approx([m.score for m in here])


def test_the_nearest_agree_with_an_exact_scan(cluster: str, tmp_path: Path) -> None:
    gallery = made(tmp_path / "g.lens", 3000)
    synced(tmp_path / "g.lens", f"{cluster}/agree")
    far = open_with_milvus(tmp_path / "g.lens", f"{cluster}/agree")
    table = rows(range(3000))
    stored = np.stack(table["descriptor"].to_numpy())
    shared = []
    for query in queries(gallery, 20):
        exact = {table["image_id"][int(p)].as_py() for p in np.argsort(-(stored @ query))[:10]}
        found = nearest(far, query, 10)
        shared.append(len(exact & {match.image_id for match in found}) / 10)
        best = max(found, key=lambda match: match.score)
        assert best.score == pytest.approx(float((stored @ query).max()), abs=1e-5)
    assert np.mean(shared) >= 0.98


@pytest.mark.parametrize(
    "where",
    [
        "brand = 'L''Oréal'",
        "brand = 'a\"b'",
        "brand = 'back\\slash'",
        "brand <> '100 %'",
        "brand LIKE '100%'",
        "brand LIKE '%slash'",
        "brand LIKE '%ré%'",
        "brand LIKE 'K_mo'",
        "brand NOT LIKE 'K%'",
        "brand = ''",
        "shade = '003'",
        "shade IN ('001', '002') AND brand <> 'Kumo'",
        "shade NOT IN ('001', '002')",
        "shade BETWEEN '002' AND '004' OR brand = 'Kumo'",
        "shade NOT BETWEEN '002' AND '004'",
        "NOT (brand = 'Kumo' OR shade >= '003')",
        "brand > 'L' AND shade < '005'",
        "product_id = 'nobody'",
    ],
)
def test_a_filter_keeps_the_same_products_as_without_the_cluster(
    where: str, cluster: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "filtered.lens"
    if not folder.exists():
        made(folder, 60)
        synced(folder, f"{cluster}/filtered")
    here, far = Gallery(folder), open_with_milvus(folder, f"{cluster}/filtered")
    query = queries(here, 1)[0]
    wanted = [match.product for match in nearest(here, query, 60, where)]
    assert [match.product for match in nearest(far, query, 60, where)] == wanted
    assert len(far.vectors.search(query, 60, where)) == len(wanted)


def test_a_filter_that_milvus_has_no_words_for_is_refused(
    filled: str, collection: Collection, shop: Shop
) -> None:
    there = open_collection(collection.gallery.address, filled)
    with pytest.raises(QueryError, match="Milvus does not support"):
        there.search(shop.photo(0), where="brand IS NULL")


def test_without_a_server_a_search_fails_and_says_so(
    collection: Collection, shop: Shop, tmp_path: Path
) -> None:
    nobody = "milvus+http://127.0.0.1:1/shop"
    failed = run("search", collection.gallery.address, shop.photo(0), "--vectors", nobody)
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert f"{nobody} cannot be opened: Milvus does not answer" in failed.stderr
    assert failed.stdout == ""
    ended = run("serve", collection.gallery.address, "--port", "0", BEAUTYLENS_VECTORS=nobody)
    assert ended.returncode == 1
    assert "Milvus does not answer" in ended.stderr


def test_a_cluster_that_was_not_filled_is_told(
    cluster: str, collection: Collection, shop: Shop
) -> None:
    there = open_collection(collection.gallery.address, f"{cluster}/empty")
    with pytest.raises(CollectionError, match="fill it with `beautylens sync`"):
        there.search(shop.photo(0))


def test_the_recipe_may_name_the_cluster(cluster: str, shop: Shop, tmp_path: Path) -> None:
    recipe = tmp_path / "far.toml"
    recipe.write_text(f'name = "far"\n[[encoders]]\n[retrieve]\nvectors = "{cluster}/named"\n')
    made_of, _ = build(shop.table, tmp_path / "c.lens", recipe=str(recipe))
    with pytest.raises(CollectionError, match="beautylens sync"):
        open_collection(made_of.gallery.address).search(shop.photo(1))
    assert run("sync", made_of.gallery.address).returncode == 0
    found = open_collection(made_of.gallery.address).search(shop.photo(1))
    assert found.rows == open_collection(made_of.gallery.address, "").search(shop.photo(1)).rows


def test_a_server_that_was_started_again_is_searched_and_filled(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "g.lens"
    gallery = made(folder, 20)
    query = queries(gallery, 1)[0]
    with milvus(tmp_path / "milvus", port) as (address, process):
        synced(folder, f"{address}/again")
        far = open_with_milvus(folder, f"{address}/again")
        wanted = nearest(far, query, 5)
        process.terminate()
        process.wait()
    with milvus(tmp_path / "milvus", port) as (address, _):
        assert nearest(far, query, 5) == wanted
        far.ready()
    gallery.upsert(rows(range(20, 22)))
    with milvus(tmp_path / "milvus", port) as (address, _):
        assert not in_step(far.vectors)
        assert sync(far.vectors, lambda *_: None)[2:] == (2, 0)
    with milvus(tmp_path / "milvus", port) as (address, _):
        far = open_with_milvus(folder, f"{address}/again")
        far.ready()
        assert in_step(far.vectors)


def test_a_server_that_hangs_is_told_whatever_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "g.lens"
    gallery = made(folder, 5)
    with milvus(tmp_path / "milvus") as (address, process):
        synced(folder, f"{address}/hung")
        far = open_with_milvus(folder, f"{address}/hung")
        far.ready()
        for name in ("TIMEOUT", "FLUSH_TIMEOUT"):
            monkeypatch.setattr(f"beautylens.store.milvus.collection.{name}", 1.0)
        process.send_signal(signal.SIGSTOP)
        there = far.vectors.cluster
        asked = [
            far.ready, there.exists, there.load, there.count, there.version, there.index,
            partial(there.search, queries(gallery, 1)[0], 5, "", "descriptor"),
            partial(there.delete, ["p00001/a"]), partial(there.mark_synced, 1),
            lambda: open_with_milvus(folder, f"{address}/hung").vectors.cluster,
        ]  # fmt: skip
        for ask in asked:
            with pytest.raises(CollectionError, match="Milvus does not answer"):
                ask()


def test_a_server_whose_cluster_goes_away_refuses_until_it_is_back(
    copied: Path, shop: Shop, tmp_path: Path
) -> None:
    with milvus(tmp_path / "milvus") as (address, process):
        synced(copied, f"{address}/served")
        with served(copied, "--vectors", f"{address}/served") as server:
            files = {"image": shop.photo(1).read_bytes()}
            found = requests.post(f"{server.address}/v1/search", files=files, timeout=60)
            assert found.json()["matches"][0]["product_id"] == "p01"
            assert requests.get(f"{server.address}/health", timeout=60).status_code == 200
            process.send_signal(signal.SIGSTOP)
            refused = requests.post(f"{server.address}/v1/search", files=files, timeout=60)
            assert refused.status_code == 503
            assert refused.json()["type"] == "urn:beautylens:collection-unavailable"
            process.kill()
            process.wait()
            start = time.monotonic()
            refused = requests.post(f"{server.address}/v1/search", files=files, timeout=60)
            assert refused.status_code == 503
            assert refused.json()["type"] == "urn:beautylens:collection-unavailable"
            assert time.monotonic() - start < 20
            assert requests.get(f"{server.address}/health", timeout=60).status_code == 503
