"""The gallery: upsert, delete, filters, and other processes reading meanwhile."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from beautylens.errors import CollectionError, QueryError
from beautylens.search.retrieve import nearest
from beautylens.store.failures import Failure
from beautylens.store.gallery import Gallery
from beautylens.store.table import Table, table_address
from beautylens.store.vector_index import VectorIndex

DIMENSIONS = 8


def unit(number: int) -> np.ndarray:
    vector = np.random.default_rng(number).normal(size=DIMENSIONS).astype(np.float32)
    return vector / np.linalg.norm(vector)


def rows(*images: tuple[str, str, int], **extra: str) -> pa.Table:
    """Rows of (product, image, seed of the descriptor); extra columns have one value."""
    text = {
        "image_id": [f"{product}/{image}" for product, image, _ in images],
        "product_id": [product for product, _, _ in images],
        "image": [image for _, image, _ in images],
        "brand": ["O'Hara" if seed % 2 else "Dior" for _, _, seed in images],
        "path": [f"/pictures/{image}" for _, image, _ in images],
        "digest": [str(seed) for _, _, seed in images],
        **{name: [value] * len(images) for name, value in extra.items()},
    }
    flat = np.concatenate([unit(seed) for _, _, seed in images])
    return pa.table(
        {
            **{name: pa.array(values, pa.string()) for name, values in text.items()},
            "descriptor": pa.FixedSizeListArray.from_arrays(pa.array(flat), DIMENSIONS),
            "keypoints": pa.array([b""] * len(images), pa.large_binary()),
        }
    )


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    made = Gallery.create(tmp_path / "g.lens", dimensions=DIMENSIONS, settings={"recipe": {}})
    made.upsert(rows(("a", "1.jpg", 1), ("a", "2.jpg", 2), ("b", "1.jpg", 3), ("c", "1.jpg", 4)))
    return made


def ids(gallery: Gallery, seed: int, **options: str) -> list[str]:
    return [match.image_id for match in nearest(gallery, unit(seed), 10, **options)]


def fragments(gallery: Gallery) -> int:
    return len(gallery.rows.table.newest().get_fragments())


def test_nearest_agrees_with_a_plain_sort_by_cosine(gallery: Gallery) -> None:
    query = unit(77)
    seeds = {"a/1.jpg": 1, "a/2.jpg": 2, "b/1.jpg": 3, "c/1.jpg": 4}
    cosines = {name: float(query @ unit(seed)) for name, seed in seeds.items()}
    found = nearest(gallery, query, 10)
    assert [m.image_id for m in found] == sorted(cosines, key=lambda name: -cosines[name])
    assert [m.score for m in found] == pytest.approx(
        sorted(cosines.values(), reverse=True), abs=1e-5
    )


def test_only_the_images_named_are_looked_at_and_all_of_them(gallery: Gallery) -> None:
    named = ["a/2.jpg", "c/1.jpg", "unknown"]
    found = gallery.rows.among(named, unit(77))
    assert {match.image_id for match in found} == {"a/2.jpg", "c/1.jpg"}
    for match in found:
        seed = {"a/2.jpg": 2, "c/1.jpg": 4}[match.image_id]
        assert match.score == pytest.approx(float(unit(77) @ unit(seed)), abs=1e-5)
    filtered = gallery.rows.among(named, unit(77), "brand = 'x' OR product_id = 'c'")
    assert [match.image_id for match in filtered] == ["c/1.jpg"]


def test_descriptors_come_in_the_order_asked_for(gallery: Gallery) -> None:
    wanted = ["c/1.jpg", "a/1.jpg"]
    np.testing.assert_allclose(gallery.rows.descriptors(wanted), [unit(4), unit(1)], rtol=1e-6)
    with pytest.raises(CollectionError, match=r"image a/9\.jpg was removed during"):
        gallery.rows.descriptors(["a/1.jpg", "a/9.jpg"])


def with_vlad(table: pa.Table, prints: list[np.ndarray]) -> pa.Table:
    column = pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate(prints)), DIMENSIONS)
    return table.append_column("vlad", column)


def by_vlad(gallery: Gallery, seed: int, depth: int, where: str | None = None) -> list[str]:
    """The images that the index finds by VLAD, by the cosines of the stored vectors."""
    found = gallery.vectors.search(unit(seed), depth, where, "vlad")
    images, (stored,) = gallery.rows.at(found, ["vlad"])
    order = np.argsort(-(stored @ unit(seed)), kind="stable")
    return [images[index].image_id for index in order]


def test_a_second_vector_is_searched_by_itself_and_blank_ones_are_never_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beautylens.store.indexes.SCAN_LIMIT", 500)
    made = Gallery.create(tmp_path / "g.lens", dimensions=DIMENSIONS, vlad=DIMENSIONS, settings={})
    images = [(f"p{number:03}", "1.jpg", number) for number in range(600)]
    prints = [unit(10_000 + n) * np.float32(n % 10 > 0) for n in range(600)]
    made.upsert(with_vlad(rows(*images), prints))
    assert made.rows.extra == ()
    cosines = {f"p{n:03}/1.jpg": float(unit(77) @ row) for n, row in enumerate(prints) if n % 10}
    exact = sorted(cosines, key=lambda image_id: -cosines[image_id])[:10]
    for _ in range(2):
        found = by_vlad(made, 77, 10)
        assert len(set(found[:10]) & set(exact)) >= 9
        assert len(by_vlad(made, 77, 1000, "product_id < 'p100'")) == 90
        made.ensure_indexes()
    assert {"descriptor", "vlad"} <= made.rows.indexes.columns
    made.upsert(with_vlad(rows(("new", "1.jpg", 5000)), [unit(77)]))
    made.delete(["p007"])
    assert by_vlad(made, 77, 1)[0] == "new/1.jpg"
    assert "p007/1.jpg" not in by_vlad(made, 10_007, 1000)
    np.testing.assert_allclose(made.rows.descriptors(["p003/1.jpg"], "vlad"), [prints[3]])


def test_images_of_named_products_come_with_their_cosines_best_first(gallery: Gallery) -> None:
    gallery.upsert(rows(("l'été", "1.jpg", 6)))
    query = unit(77)
    seeds = {"a/1.jpg": 1, "a/2.jpg": 2, "l'été/1.jpg": 6}
    cosines = {name: float(query @ unit(seed)) for name, seed in seeds.items()}
    found = gallery.products.scored(["l'été", "unknown", "a"], query)
    assert [m.image_id for m in found] == sorted(cosines, key=lambda name: -cosines[name])
    assert [m.score for m in found] == pytest.approx(sorted(cosines.values(), reverse=True))
    retrieved = {m.image_id: m for m in nearest(gallery, query, 10)}
    for match in found:
        near = retrieved[match.image_id]
        assert (match.product, match.image) == (near.product, near.image)
        assert match.reasons.visual == pytest.approx(near.reasons.visual, abs=1e-5)
    dior = gallery.products.scored(["l'été", "a"], query, where="brand = 'Dior' OR brand = 'Kumo'")
    assert {m.image_id for m in dior} == {"a/2.jpg", "l'été/1.jpg"}
    assert len(gallery.products.scored([], query)) == 0


def test_equal_scores_are_ordered_by_id_whatever_the_order_of_the_catalogue(tmp_path: Path) -> None:
    found = []
    for number, order in enumerate([("x", "y", "z"), ("z", "x", "y")]):
        made = Gallery.create(tmp_path / str(number), dimensions=DIMENSIONS, settings={})
        made.upsert(rows(*((name, "1.jpg", 5) for name in order)))
        found.append(ids(made, 5))
    assert found[0] == found[1] == ["x/1.jpg", "y/1.jpg", "z/1.jpg"]


def test_upsert_replaces_a_product_whole(gallery: Gallery) -> None:
    gallery.upsert(rows(("a", "2.jpg", 9), ("a", "3.jpg", 10)))
    assert gallery.rows.image_ids() == {"a/2.jpg", "a/3.jpg", "b/1.jpg", "c/1.jpg"}
    assert ids(gallery, 9)[0] == "a/2.jpg"


def test_upsert_keeps_images_it_is_told_to_keep(gallery: Gallery) -> None:
    gallery.upsert(rows(("a", "2.jpg", 9)), keep=["a/1.jpg"])
    assert gallery.rows.image_ids() == {"a/1.jpg", "a/2.jpg", "b/1.jpg", "c/1.jpg"}


def test_a_new_column_is_empty_for_older_rows_and_can_be_filtered_by(gallery: Gallery) -> None:
    gallery.upsert(rows(("d", "1.jpg", 6), shade="475"))
    assert gallery.rows.extra == ("shade",)
    assert ids(gallery, 6, where="shade = '475'") == ["d/1.jpg"]
    assert nearest(gallery, unit(6), 1)[0].product.metadata == {"shade": "475"}
    assert gallery.rows.count() == 5


def test_deleted_products_are_gone_and_quotes_in_ids_do_no_harm(gallery: Gallery) -> None:
    gallery.upsert(rows(("l'été", "1.jpg", 6)))
    assert gallery.delete(["a", "l'été", "unknown"]) == 3
    assert gallery.rows.image_ids() == {"b/1.jpg", "c/1.jpg"}
    assert gallery.delete(["x' OR '1'='1"]) == 0
    assert gallery.delete([]) == 0
    assert gallery.products.count() == 2


def test_an_id_that_is_no_text_is_that_of_no_product(gallery: Gallery) -> None:
    assert gallery.products.known(["a", "\udcff"]) == {"a"}
    assert gallery.delete(["\udcff"]) == 0


def test_filters_use_sql_and_a_wrong_one_lists_the_columns(gallery: Gallery) -> None:
    assert set(ids(gallery, 1, where="brand = 'O''Hara'")) == {"a/1.jpg", "b/1.jpg"}
    with pytest.raises(QueryError, match=r"cannot evaluate it; .*the columns are .*brand"):
        nearest(gallery, unit(1), 5, where="colour = 'red'")
    with pytest.raises(QueryError, match="invalid filter"):
        nearest(gallery, unit(1), 5, where="brand = = 'x'")


def test_another_reader_sees_each_commit(gallery: Gallery) -> None:
    reader = Gallery(gallery.address)
    assert reader.rows.count() == 4
    gallery.upsert(rows(("d", "1.jpg", 6)))
    assert ids(reader, 6)[0] == "d/1.jpg"
    gallery.delete(["d"])
    assert "d/1.jpg" not in ids(reader, 6)


def test_two_writers_of_the_same_images_leave_each_once(gallery: Gallery) -> None:
    images = [[(f"p{batch}", f"{n}.jpg", n) for n in range(3)] for batch in range(12)]

    def write(_: int) -> None:
        mine = Gallery(gallery.address)
        for batch in images:
            mine.upsert(rows(*batch))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    found = gallery.rows.table.select(["image_id"])["image_id"].to_pylist()
    assert len(found) == len(set(found)) == 4 + 36


def test_artefacts_come_back_and_are_replaced(gallery: Gallery) -> None:
    assert gallery.artefacts.get("projection") is None
    gallery.artefacts.put("projection", b"first")
    gallery.artefacts.put("words", b"\x00words")
    gallery.artefacts.put("projection", b"second")
    assert Gallery(gallery.address).artefacts.get("projection") == b"second"
    assert gallery.artefacts.get("words") == b"\x00words"


def test_failures_are_kept_until_mended_or_removed(gallery: Gallery) -> None:
    first = Failure("z/1.jpg", "z", "1.jpg", 9, "broken")
    second = Failure("y/1.jpg", "y", "1.jpg", 2, "gone")
    third = Failure("x/1.jpg", "x", "1.jpg", 5, "empty")
    gallery.failures.replace(["x", "y", "z"], [first, second, third])
    gallery.failures.replace(["z"], [first])
    assert [failure.row for failure in gallery.failures.all()] == [2, 5, 9]
    gallery.failures.replace(["z"], [])
    gallery.delete(["x"])
    assert gallery.failures.all() == (second,)


def test_compaction_changes_no_answer(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beautylens.store.compaction.MAX_FRAGMENTS", 3)
    for number in range(10, 20):
        gallery.upsert(rows((f"n{number}", "1.jpg", number)))
    before = ids(gallery, 15)
    gallery.compact()
    gallery.ensure_indexes()
    gallery.ensure_indexes()
    assert ids(gallery, 15) == before


def test_rows_without_thumbnails_are_taken_by_a_gallery_that_keeps_some(tmp_path: Path) -> None:
    made = Gallery.create(tmp_path / "t.lens", dimensions=DIMENSIONS, settings={}, thumbnails=True)
    made.upsert(rows(("p", "1.jpg", 1)))
    assert made.rows.has("thumbnail")
    assert made.rows.thumbnails(["p/1.jpg"]) == {}
    assert made.rows.keypoints(["p/1.jpg"]).keys() == {"p/1.jpg"}


def test_images_that_another_process_adds_meanwhile_do_not_stay(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge, other = gallery.rows.merge, Gallery(gallery.address)
    meanwhile = iter([rows(("p", "other.jpg", 9))])

    def interrupted(given: pa.Table, former: set[str]) -> None:
        for each in meanwhile:
            other.upsert(each)
        merge(given, former)

    monkeypatch.setattr(gallery.rows, "merge", interrupted)
    gallery.upsert(rows(("p", "1.jpg", 1)))
    assert {i for i in gallery.rows.image_ids() if i.startswith("p/")} == {"p/1.jpg"}


def test_compaction_merges_small_fragments_and_indexes_new_rows(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"CHANGED_ROWS": 100, "MAX_FRAGMENTS": 5, "MAX_UNINDEXED": 7}.items():
        monkeypatch.setattr(f"beautylens.store.compaction.{name}", value)
    gallery.upsert(rows(*((f"large{n:03}", "1.jpg", n) for n in range(100))))
    gallery.ensure_indexes()
    files = Path(gallery.address, "images.lance/data")
    large = max(files.iterdir(), key=lambda file: file.stat().st_size)
    most = 0
    for number in range(20):
        gallery.upsert(rows((f"n{number}", "1.jpg", 1000 + number)))
        gallery.compact()
        assert ids(gallery, 1000 + number)[0] == f"n{number}/1.jpg"
        most = max(most, fragments(gallery))
    assert most <= 9
    assert gallery.rows.indexes.unindexed() <= 7
    assert large in set(files.iterdir())


def test_after_a_build_fragments_are_merged_into_large_ones_after_a_change_they_stay(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"CHANGED_ROWS": 10, "BUILT_ROWS": 40, "MAX_FRAGMENTS": 3}
    for name, value in sizes.items():
        monkeypatch.setattr(f"beautylens.store.compaction.{name}", value)
    for start in range(0, 120, 20):
        gallery.upsert(rows(*((f"n{n:03}", "1.jpg", n) for n in range(start, start + 20))))

    gallery.ensure_indexes()
    before, answer, reader = fragments(gallery), ids(gallery, 77), Gallery(gallery.address)
    assert ids(reader, 77) == answer
    gallery.compact()
    gallery.compact(written=9)
    assert fragments(gallery) == before > 6
    gallery.compact(written=120)
    assert 2 <= fragments(gallery) <= 3
    assert gallery.rows.indexes.unindexed() == 0
    assert ids(gallery, 77) == ids(reader, 77) == answer
    version = gallery.rows.table.version
    gallery.compact(written=120)
    assert gallery.rows.table.version == version


def test_fragments_that_lost_a_row_are_not_taken_for_small_ones(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beautylens.store.compaction.CHANGED_ROWS", 20)
    monkeypatch.setattr("beautylens.store.compaction.MAX_FRAGMENTS", 3)
    for start in range(0, 120, 20):
        gallery.upsert(rows(*((f"n{n:03}", "1.jpg", n) for n in range(start, start + 20))))
        gallery.delete([f"n{start:03}"])
    gallery.compact()
    version = gallery.rows.table.version
    gallery.compact()
    assert gallery.rows.table.version == version


def test_keypoints_are_kept_as_they_are_through_every_way_of_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Gallery.create(tmp_path / "k.lens", dimensions=DIMENSIONS, settings={})
    monkeypatch.setattr("beautylens.store.compaction.MAX_FRAGMENTS", 1)
    table = rows(*((f"k{n}", "1.jpg", n) for n in range(20)))
    # Packed, such a pattern would take next to no room.
    given = pa.array([bytes([number, *range(7)]) * 5000 for number in range(20)], pa.large_binary())
    table = table.set_column(table.column_names.index("keypoints"), "keypoints", given)
    made.publish(made.write_fragments(table.slice(0, 10)), made.version)
    made.upsert(table.slice(10, 10))
    made.compact()

    files = [file.stat().st_size for file in (tmp_path / "k.lens/images.lance/data").iterdir()]
    assert len(files) == 3
    assert min(files) > 10 * 40_000
    assert max(files) > 20 * 40_000


def test_missing_and_strange_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"there is no collection at .*beautylens index"):
        Gallery(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.doc").touch()
    with pytest.raises(CollectionError, match=r"is not empty \(it has 'thesis\.doc'\)"):
        Gallery.create(tmp_path / "home", dimensions=2, settings={})
    (tmp_path / "file").touch()
    with pytest.raises(CollectionError, match="is a file"):
        Gallery.create(tmp_path / "file", dimensions=2, settings={})


@pytest.mark.parametrize(
    ("made", "remedy"), [("2", "index its table again into a new folder"), ("99", "upgrade")]
)
def test_a_collection_of_another_format_is_refused_with_the_remedy(
    gallery: Gallery, made: str, remedy: str
) -> None:
    with Table(table_address(gallery.address, "settings")).writing() as settings:
        settings.update({"value": f"'{made}'"}, where="key = 'format'")
    with pytest.raises(CollectionError, match=f"has format {made}.*{remedy}"):
        Gallery(gallery.address)


def test_rows_that_move_between_the_search_and_the_reading_are_searched_again(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, search = ids(gallery, 77), gallery.vectors.search
    stale = iter([{2**40 + n: 0.5 for n in range(4)}])
    monkeypatch.setattr(
        gallery.vectors, "search", lambda *given: next(stale, None) or search(*given)
    )
    assert ids(gallery, 77) == wanted


def test_the_vectors_of_a_gallery_are_written_searched_and_removed_with_its_rows(
    gallery: Gallery,
) -> None:
    index: VectorIndex = gallery.vectors
    index.upsert(rows(("d", "1.jpg", 6), ("a", "1.jpg", 7)))
    assert index.count() == 5
    nearest = {seed: max(found := index.search(unit(seed), 5), key=found.get) for seed in (6, 7)}
    row_ids = gallery.rows.row_ids(["d/1.jpg", "a/1.jpg"])
    assert nearest == {6: row_ids["d/1.jpg"], 7: row_ids["a/1.jpg"]}
    index.delete(["d/1.jpg", "unknown"])
    assert gallery.rows.image_ids() == {"a/1.jpg", "a/2.jpg", "b/1.jpg", "c/1.jpg"}
    index.ready()


def test_a_second_creator_opens_what_the_first_made_and_wipes_nothing(gallery: Gallery) -> None:
    # Both saw no gallery; the slower one finds the folder taken when it moves its own into place.
    slower = Path(gallery.address)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("beautylens.store.gallery.refuse_occupied", lambda _folder: None)
        opened = Gallery.create(slower, dimensions=DIMENSIONS, settings={})
    assert opened.rows.count() == 4
    # Slower still, it finds a whole gallery before it begins its own.
    assert Gallery.create(slower, dimensions=DIMENSIONS, settings={}).rows.count() == 4
    assert [entry.name for entry in slower.parent.iterdir()] == [slower.name]


def test_a_collection_that_lost_its_settings_is_never_overwritten(gallery: Gallery) -> None:
    shutil.rmtree(Path(gallery.address) / "settings.lance")
    with pytest.raises(CollectionError, match="without settings"):
        Gallery.create(gallery.address, dimensions=DIMENSIONS, settings={})


def test_damaged_files_are_one_sentence_without_lines_of_source(gallery: Gallery) -> None:
    for file in (Path(gallery.address) / "images.lance" / "data").iterdir():
        file.write_bytes(b"noise")
    with pytest.raises(CollectionError, match=r"cannot be read: .*damaged") as caught:
        Gallery(gallery.address).rows.image_ids()
    assert ".rs" not in str(caught.value)


def test_above_the_scan_limit_an_index_answers_and_new_rows_are_found_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beautylens.store.indexes.SCAN_LIMIT", 500)
    made = Gallery.create(tmp_path / "g.lens", dimensions=DIMENSIONS, settings={})
    made.upsert(rows(*((f"p{number:03}", "1.jpg", number) for number in range(600))))
    exact = [ids(made, seed) for seed in range(1000, 1020)]
    made.ensure_indexes()
    found = [ids(made, seed) for seed in range(1000, 1020)]
    shared = [len(set(one) & set(other)) for one, other in zip(exact, found, strict=True)]
    assert np.mean(shared) >= 9
    made.upsert(rows(("new", "1.jpg", 5000)))
    made.delete(["p007"])
    assert ids(made, 5000)[0] == "new/1.jpg"
    assert "p007/1.jpg" not in ids(made, 7)
    everyone = sorted(made.rows.image_ids())
    assert len(made.rows.among(everyone, unit(5000))) == len(everyone)
    assert ids(Gallery(made.address), 5000, where="product_id = 'new'") == ["new/1.jpg"]
