"""A catalogue and its collection in object storage: the same commands, the same answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from beautylens.catalogue.table import read_catalogue
from beautylens.collection import Collection, open_collection
from beautylens.errors import BeautylensError, CollectionError, TableError
from beautylens.indexing import build
from beautylens.store.gallery import Gallery
from beautylens.store.orphans import sweep_orphans
from beautylens.store.schema import FORMAT, create_tables
from beautylens.store.table import Table, table_address
from tests.conftest import Shop, catalogue_rows, write_table
from tests.outside.object_storage import object_storage, upload
from tests.outside.process import served
from tests.store.test_gallery import DIMENSIONS
from tests.store.test_gallery import rows as image_rows

boto3 = pytest.importorskip("boto3", reason="needs the extra outside")


SOME = ("image_id", "product_id", "descriptor")


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with object_storage() as address:
        yield address


@pytest.fixture(scope="module")
def remote_shop(shop: Shop, bucket: str) -> str:
    """The shop's table, pictures and photos, in the bucket; read only."""
    truth = [{"image": f"photos/{n:02}.jpg", "product_ids": f"p{n:02}"} for n in range(4)]
    write_table(shop.folder / "truth.csv", truth)
    return upload(shop.folder, "goods")


@pytest.fixture(scope="module")
def address(remote_shop: str, bucket: str) -> str:
    """The shop's collection, built from the bucket into the bucket; read only."""
    build(f"{remote_shop}/catalogue.csv", f"{bucket}/shop.lens")
    return f"{bucket}/shop.lens"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "beautylens", *arguments],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def test_a_collection_in_object_storage_answers_as_one_in_a_folder(
    address: str, collection: Collection, shop: Shop
) -> None:
    there = open_collection(address)
    assert len(there) == len(collection)
    for number in range(4):
        here = collection.search(shop.photo(number))
        far = there.search(shop.photo(number))
        assert [m.product for m in far] == [m.product for m in here]
        assert [m.score for m in far] == pytest.approx([m.score for m in here])
        assert far[0].image == f"s3://shop/goods/gallery/{number:02}.jpg"


def test_words_find_products_in_object_storage_and_follow_what_is_removed(
    remote_shop: str, bucket: str
) -> None:
    there, _ = build(f"{remote_shop}/catalogue.csv", f"{bucket}/words.lens")
    assert there.search(words="nordlys crme 07")[0].product.product_id == "p07"
    there.remove("p07")
    other = open_collection(f"{bucket}/words.lens")
    assert "p07" not in [match.product.product_id for match in other.search(words="nordlys 07")]
    assert other.search(words="nordlys 04")[0].product.product_id == "p04"


def test_a_reason_is_drawn_with_a_picture_from_object_storage(address: str, shop: Shop) -> None:
    there = open_collection(address)
    found = there.search(shop.photo(1), 1)
    assert found.query is not None
    assert found.query.keypoints is not None
    drawing = there.explain.draw(found.query.pixels, found.query.keypoints, found[0])
    assert drawing.shape[1] > drawing.shape[0] / 2


def test_every_command_takes_addresses(remote_shop: str, bucket: str, shop: Shop) -> None:
    table, made = f"{remote_shop}/catalogue.csv", f"{bucket}/commands.lens"
    assert run("index", table, made).returncode == 0
    more = write_table(
        shop.folder / "more.csv",
        [{"product_id": "new", "image": f"{remote_shop}/gallery/03.jpg", "name": "New"}],
    )
    assert run("add", made, str(more)).returncode == 0
    facts = json.loads(run("info", made, "--json").stdout)
    assert (facts["images"], facts["products"]) == (13, 13)
    assert facts["bytes"] > 100_000
    assert run("remove", made, "new").returncode == 0
    found = run("search", made, str(shop.photo(2)), "-k", "1", "--format", "json")
    assert json.loads(found.stdout)["matches"][0]["product_id"] == "p02"
    measured = run("evaluate", made, f"{remote_shop}/truth.csv", "--json")
    assert json.loads(measured.stdout)["overall"]["queries"] == 4


def test_writers_in_several_processes_lose_nothing(
    remote_shop: str, bucket: str, tmp_path: Path
) -> None:
    """They write other products, and one that is the same for all; commits conflict."""
    made = f"{bucket}/writers.lens"
    first = write_table(tmp_path / "first.csv", _named(remote_shop, catalogue_rows(2)))
    build(first, made)
    tables = []
    for writer in range(3):
        rows = [{**catalogue_rows(1)[0], "name": f"by {writer}"}]
        rows += [
            {**row, "product_id": f"w{writer}-{row['product_id']}"} for row in catalogue_rows(3)
        ]
        tables.append(write_table(tmp_path / f"{writer}.csv", _named(remote_shop, rows)))
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda table: run("add", made, str(table)), tables))
    assert [each.returncode for each in ended] == [0] * 3, [each.stderr for each in ended]
    there = open_collection(made)
    assert there.gallery.rows.image_ids() == {
        "p00/" + _address(remote_shop, 0),
        "p01/" + _address(remote_shop, 1),
        *(f"w{w}-p{n:02}/" + _address(remote_shop, n) for w in range(3) for n in range(3)),
    }
    assert there.gallery.products.images("p00")[0].product.name in {f"by {w}" for w in range(3)}


def test_commits_that_conflict_are_made_again_on_top_of_each_other(
    address: str, bucket: str
) -> None:
    """Four writers, each four times, write one product that is the same for all and their own."""
    rows = next(
        open_collection(address).gallery.rows.stream(["image_id", "product_id", "descriptor"])
    )
    row = pa.Table.from_batches([rows]).slice(0, 1)
    made = f"{bucket}/conflicts.lens"
    Gallery.create(made, dimensions=row["descriptor"].type.list_size, settings={})

    def write(writer: int) -> None:
        own = Gallery(made)
        for product in ("shared", f"own {writer}") * 4:
            ids = [pa.array([f"{product}/a"]), pa.array([product])]
            names = ["image_id", "product_id", "descriptor"]
            own.upsert(pa.table([*ids, row["descriptor"]], names))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert Gallery(made).rows.image_ids() == {"shared/a", *(f"own {w}/a" for w in range(4))}


def test_a_creation_that_was_killed_half_way_is_gone_on_with(remote_shop: str, bucket: str) -> None:
    begun = f"{bucket}/begun.lens"
    Table.ensure(table_address(begun, "failures"), _failures())
    assert not Gallery.exists(begun)
    collection, _ = build(f"{remote_shop}/catalogue.csv", begun)
    assert len(collection) == 12


def test_two_processes_that_make_one_collection_make_it_once(remote_shop: str, bucket: str) -> None:
    made = f"{bucket}/twice.lens"
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda _: run("index", f"{remote_shop}/catalogue.csv", made), "ab"))
    assert [each.returncode for each in ended] == [0, 0], [each.stderr for each in ended]
    assert len(open_collection(made)) == 12


def test_an_index_that_another_process_made_meanwhile_is_made_once(
    address: str, bucket: str
) -> None:
    """What the second knows of the collection is some seconds old."""
    made = f"{bucket}/indexes.lens"
    rows = pa.Table.from_batches(open_collection(address).gallery.rows.stream(SOME))
    dimensions = rows["descriptor"].type.list_size
    Gallery.create(made, dimensions=dimensions, settings={}).upsert(rows)
    first, second = Gallery(made), Gallery(made)
    assert second.rows.count() == first.rows.count() == 12
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda gallery: gallery.ensure_indexes(), (first, second)))
    second.ensure_indexes()
    indexes = second.rows.table.newest().describe_indices()
    assert sorted(index.field_names for index in indexes) == [
        ["gtin"],
        ["image_id"],
        ["product_id"],
    ]


def test_of_two_that_make_one_collection_what_the_first_computed_is_kept(bucket: str) -> None:
    made = f"{bucket}/learnt.lens"
    vectors = {"descriptor": 8}
    create_tables(made, vectors, {"format": FORMAT}, [], artefacts={"projection": b"first"})
    with pytest.raises((OSError, RuntimeError, ValueError)):
        create_tables(made, vectors, {"format": FORMAT}, [], artefacts={"projection": b"second"})
    assert Gallery(made).artefacts.get("projection") == b"first"
    with pytest.raises(ValueError, match="Schema"):
        create_tables(made, {"descriptor": 9}, {"format": FORMAT}, [], artefacts={})


def test_what_is_in_the_way_in_a_bucket_is_left_alone(remote_shop: str, bucket: str) -> None:
    with pytest.raises(CollectionError, match="is not empty"):
        build(f"{remote_shop}/catalogue.csv", remote_shop)


@pytest.mark.parametrize(
    ("table", "made", "fault"),
    [
        ("s3://shop/none.csv", "x.lens", "s3://shop/none.csv cannot be read"),
        ("s3://nowhere/none.csv", "x.lens", "s3://nowhere/none.csv cannot be read"),
        ("{goods}/catalogue.csv", "s3://nowhere/x.lens", "s3://nowhere/x.lens cannot be"),
    ],
)
def test_what_is_not_there_is_named(
    remote_shop: str, tmp_path: Path, table: str, made: str, fault: str
) -> None:
    made = made if made.startswith("s3:") else str(tmp_path / made)
    with pytest.raises((TableError, CollectionError), match=fault) as raised:
        build(table.format(goods=remote_shop), made)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    ("changes", "made", "said"),
    [
        ({"AWS_ALLOW_HTTP": "false"}, "s3://shop/shop.lens", "set AWS_ALLOW_HTTP=true"),
        ({}, "s3://nowhere/shop.lens", "there is no"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "s3://shop/shop.lens", "cannot be reached"),
    ],
)
def test_what_keeps_a_command_from_a_bucket_is_said_in_a_sentence(
    address: str, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], made: str, said: str
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    ended = run("info", made)
    assert ended.returncode == 1
    assert made in ended.stderr
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) < 4
    assert "damaged" not in ended.stderr


def test_pictures_are_fetched_from_the_web_and_missing_ones_named(
    remote_shop: str, tmp_path: Path
) -> None:
    client = boto3.client("s3")
    key = "goods/gallery/05.jpg"
    web = client.generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": key})
    gone = web.replace("05.jpg", "none.jpg")
    rows = [{"product_id": "there", "image": web}, {"product_id": "gone", "image": gone}]
    collection, filled = build(write_table(tmp_path / "web.csv", rows), tmp_path / "web.lens")
    assert [f.product_id for f in filled.failures] == ["gone"]
    assert "404" in filled.failures[0].error
    assert collection.gallery.products.images("there")[0].image == web


def test_a_photo_named_by_an_address_in_text_is_not_fetched(address: str) -> None:
    with pytest.raises(BeautylensError, match="is an address, not a file"):
        open_collection(address).search("s3://shop/goods/photos/00.jpg")


def test_a_server_over_a_bucket_sees_what_another_process_adds(
    remote_shop: str, bucket: str, shop: Shop, tmp_path: Path
) -> None:
    import httpx2 as httpx

    from tests.outside.process import until

    made = f"{bucket}/served.lens"
    build(f"{remote_shop}/catalogue.csv", made)
    key = "a-key-for-the-tests-only"
    with served(made, key=key) as server:

        def there(product: str) -> bool:
            found = httpx.get(f"{server.address}/v1/products/{product}", timeout=30)
            return found.status_code == 200

        assert not there("late")
        rows = [{**_named(remote_shop, catalogue_rows(1))[0], "product_id": "late"}]
        open_collection(made).add(write_table(tmp_path / "late.csv", rows))
        until(lambda: there("late"), seconds=20)
        # And what it is sent itself goes into the bucket, its picture too.
        sent = httpx.put(
            f"{server.address}/v1/products/sent",
            headers={"Authorization": f"Bearer {key}"},
            files={"image": shop.picture(7).read_bytes()}, data={"name": "Sent"}, timeout=60,
        )  # fmt: skip
        assert sent.status_code == 200, sent.text
        shown = httpx.get(f"{server.address}/v1/products/sent/image", timeout=30)
        assert shown.headers["content-type"] == "image/jpeg"
    stored = open_collection(made).gallery.products.images("sent")[0].image
    assert stored.startswith(f"{made}/pictures/")
    assert read_catalogue(f"{remote_shop}/catalogue.csv").image_path(stored).is_file()


def _address(shop: str, number: int) -> str:
    return f"{shop}/gallery/{number:02}.jpg"


def _named(shop: str, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{**row, "image": f"{shop}/{row['image']}"} for row in rows]


def _failures() -> object:
    from beautylens.store.failures import SCHEMA

    return SCHEMA


def test_files_that_no_version_names_are_swept_from_a_bucket(bucket: str) -> None:
    gallery = Gallery.create(f"{bucket}/swept.lens", dimensions=DIMENSIONS, settings={})
    gallery.publish(gallery.write_fragments(image_rows(("p", "a", 1))), gallery.version)
    gallery.write_fragments(image_rows(("orphan", "a", 2)))
    assert sweep_orphans(gallery.rows) == 0
    assert sweep_orphans(gallery.rows, timedelta(seconds=-60)) == 1
    assert gallery.rows.select(["image_id"]).to_pylist() == [{"image_id": "p/a"}]
