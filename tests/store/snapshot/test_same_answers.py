"""What a search reads from the snapshot, against what it reads from Lance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from beautylens.errors import QueryError
from beautylens.results import Matches
from beautylens.search.retrieve import nearest
from beautylens.store.conditions import to_sql
from beautylens.store.filters import parse_filter
from beautylens.store.gallery import Gallery
from beautylens.store.lance import except_products, of_products
from beautylens.store.picture_text import PictureLines
from beautylens.store.snapshot import part, vectors
from beautylens.text.ocr import Line
from tests.store.snapshot.galleries import (
    DIMENSIONS,
    VLAD,
    make,
    rows,
    unit,
    without_snapshot,
)

COUNT = 60
CORNERS = ((0.0, 0.0), (9.0, 0.0), (9.0, 3.0), (0.0, 3.0))


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    made = make(tmp_path_factory.mktemp("g") / "g.lens", COUNT, pictures=2)
    made.picture_text.put(
        [
            PictureLines(
                f"p{n:04}/{picture}",
                f"p{n:04}",
                str(n),
                (Line(f"Serum {n % 4} éclat", 0.9, CORNERS), Line("Paris", 0.7, CORNERS)),
            )
            for n in range(0, COUNT, 3)
            for picture in range(2)
        ]
    )
    made.write_snapshot()
    assert made.has_snapshot
    return made


@pytest.fixture(scope="module")
def lance(gallery: Gallery) -> Iterator[Gallery]:
    opened = without_snapshot(gallery)
    yield opened
    # Nothing of the tests went round the snapshot.
    assert opened.snapshot is None
    assert gallery.has_snapshot


def scores(matches: Matches) -> list[tuple[str, float]]:
    return [(match.image_id, round(match.score, 5)) for match in matches]


@pytest.mark.parametrize("seed", range(5))
def test_the_nearest_are_the_same_in_the_same_order(
    gallery: Gallery, lance: Gallery, seed: int
) -> None:
    found, expected = (nearest(each, unit(seed), 20) for each in (gallery, lance))
    assert scores(found) == scores(expected)
    assert [match.product for match in found] == [match.product for match in expected]
    assert [match.image for match in found] == [match.image for match in expected]


def test_zero_vectors_are_not_found(gallery: Gallery, lance: Gallery) -> None:
    found, expected = (
        each.rows.at(each.vectors.search(unit(3, VLAD), 200, None, "vlad"), ["vlad"])
        for each in (gallery, lance)
    )
    assert {match.image_id for match in found[0]} == {match.image_id for match in expected[0]}
    assert all(vector.any() for vector in found[1][0])


FILTERS = [
    "brand = 'Dior'",
    "brand <> 'Dior'",
    "brand = ''",
    "brand IN ('Dior', 'NIVEA', 'none')",
    "brand NOT IN ('Dior', 'NIVEA')",
    "brand BETWEEN 'A' AND 'M'",
    "brand > 'L' AND NOT (category = 'lips' OR name = '')",
    "brand LIKE '100\\% P%'",
    "brand LIKE '%*b?c[%'",
    "name LIKE 'Rouge_Dior%'",
    "name LIKE 'rouge%'",
    "name ILIKE 'rouge%'",
    "name ILIKE 'CRÈME%'",
    "name NOT ILIKE '%o%'",
    "name LIKE 'back%slash%'",
    "name LIKE ''",
    "Price < 10",
    "Price >= 9.5 AND price <= 40",
    "NOT Price > 9.5",
    "Price IN (12, -3)",
    "Price NOT BETWEEN 0 AND 50",
    "price = 17",
    "gtin IS NULL OR brand IS NOT NULL",
]


@pytest.mark.parametrize("where", FILTERS)
def test_a_filter_keeps_the_same_images(gallery: Gallery, lance: Gallery, where: str) -> None:
    sql = to_sql(parse_filter(where, gallery.rows.text_columns))
    found, expected = (nearest(each, unit(7), 500, sql) for each in (gallery, lance))
    assert scores(found) == scores(expected)
    found, expected = (each.rows.matching(sql) for each in (gallery, lance))
    assert [match.image_id for match in found] == [match.image_id for match in expected]


def test_an_invalid_condition_is_a_query_error(gallery: Gallery) -> None:
    with pytest.raises(QueryError):
        gallery.vectors.search(unit(1), 5, "nothing like SQL")


def test_products_are_looked_up_by_id_and_gtin(gallery: Gallery, lance: Gallery) -> None:
    some = ["p0003", "p0050", "unknown", "o'hara"]
    for each in (gallery, lance):
        assert each.products.known(some) == {"p0003", "p0050"}
        assert each.products.pictures(some) == {
            name: f"/pictures/{name}/0.jpg" for name in some[:2]
        }
        assert each.products.count() == COUNT
        assert each.rows.count() == each.vectors.count() == 2 * COUNT
        assert not len(each.products.images("unknown"))
        assert not each.products.pictures([])
    for where in (None, "`category` = 'lips'", except_products(["p0003"])):
        pairs = [
            [each.products.scored(some, unit(3), where) for each in (gallery, lance)],
            [each.products.first_pictures(some, where) for each in (gallery, lance)],
            [
                each.products.with_gtin(["04006000111117"], unit(3), where)
                for each in (gallery, lance)
            ],
            [each.rows.among(["p0001/0", "p0002/1"], unit(3), where) for each in (gallery, lance)],
        ]
        assert all(scores(found) == scores(expected) for found, expected in pairs[:2] + pairs[3:])
        # Lance scans for unusual spellings only where no usual one is found.
        assert set(scores(pairs[2][0])) >= set(scores(pairs[2][1])) != set()


def test_stored_values_are_read_as_they_were_written(gallery: Gallery, lance: Gallery) -> None:
    ids = [f"p{number:04}/{number % 2}" for number in range(0, COUNT, 4)]
    asked = [*ids, "unknown/0"]
    assert gallery.rows.extra == lance.rows.extra
    assert gallery.rows.vector_lengths == {"descriptor": DIMENSIONS, "vlad": VLAD}
    assert gallery.rows.version == lance.rows.version
    assert gallery.rows.images(asked) == lance.rows.images(asked)
    np.testing.assert_array_equal(gallery.rows.descriptors(ids), lance.rows.descriptors(ids))
    found, expected = (each.rows.keypoints(asked) for each in (gallery, lance))
    assert {i: each.to_bytes() for i, each in found.items()} == {
        i: each.to_bytes() for i, each in expected.items()
    }
    small, wanted = (each.rows.thumbnails(asked) for each in (gallery, lance))
    assert small.keys() == wanted.keys()
    assert all((small[i].pixels == wanted[i].pixels).all() for i in small)
    assert {each.scale for each in small.values()} == {0.5}
    assert gallery.artefacts.version() == lance.artefacts.version()
    for name in ("vlad", "projection", "none"):
        assert gallery.artefacts.get(name) == lance.artefacts.get(name)


def test_lines_on_pictures_are_read_as_they_were_written(gallery: Gallery, lance: Gallery) -> None:
    ids = ["p0003/0", "p0003/1", "p0004/0"]
    assert gallery.picture_text.read(ids) == lance.picture_text.read(ids) != {}
    products = ["p0003", "p0006", "p0004"]
    found = gallery.picture_text.of_products(products)
    assert found == lance.picture_text.of_products(products)
    assert list(found) == ["p0003", "p0006"]


@pytest.mark.parametrize(
    "lines", [["rouge dior"], ["creme eau 999"], ["serum 2", "paris"], ["cream 200 ml"], ["none"]]
)
def test_words_find_the_same_products_with_the_same_scores(
    gallery: Gallery, lance: Gallery, lines: list[str]
) -> None:
    for where in (None, "`category` = 'lips'"):
        found, expected = (each.words.search(lines, 200, where) for each in (gallery, lance))
        assert found == pytest.approx(expected, rel=1e-4)
        assert list(found)[:3] == list(expected)[:3]


@pytest.fixture
def indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    """A gallery that is searched by an index of 8-bit vectors."""
    monkeypatch.setattr(vectors, "SCAN_LIMIT", 200)
    monkeypatch.setattr(part, "SCAN_LIMIT", 200)
    made = make(tmp_path / "g.lens", 1500)
    made.write_snapshot()
    return made


def test_an_index_finds_most_of_the_nearest_and_their_exact_cosines(indexed: Gallery) -> None:
    exact = without_snapshot(indexed)
    shares = []
    for seed in range(20):
        found, expected = (nearest(each, unit(seed), 50) for each in (indexed, exact))
        shares.append(len({*scores(found)} & {*scores(expected)}) / 50)
    assert float(np.mean(shares)) > 0.8


def test_filters_and_removals_are_exact_with_an_index(indexed: Gallery) -> None:
    indexed.delete([f"p{number:04}" for number in range(0, 300, 3)])
    indexed.write_snapshot()
    assert indexed.has_snapshot
    for where in ("brand = 'Dior'", "category = 'lips'", "price > 1490"):
        sql = to_sql(parse_filter(where, indexed.rows.text_columns))
        every, expected = (
            {match.product.product_id for match in each.rows.matching(sql)}
            for each in (indexed, without_snapshot(indexed))
        )
        assert every == expected
        found = nearest(indexed, unit(5), 40, sql)
        assert len(found) == min(40, len(expected))
        assert {match.product.product_id for match in found} <= expected


def test_ids_in_lists_may_be_spelt_in_any_way(tmp_path: Path) -> None:
    odd = {"o'hara": 1, "cafe\u0301": 2, "a`b": 3, 'say "x"': 4, "NULL": 5}
    gallery = make(tmp_path / "g.lens", 3)
    gallery.upsert(rows(odd))
    gallery.write_snapshot()
    assert gallery.has_snapshot
    assert {m.product.product_id for m in gallery.rows.matching(of_products(odd))} == set(odd)
