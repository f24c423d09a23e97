"""Hybrid retrieval: short-lists joined, both cosines on every match, photos without keypoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from beautylens.collection import Collection
from beautylens.indexing import build
from beautylens.query import Photo, Query
from beautylens.results import Matches
from beautylens.search.hybrid import HybridRetrieval, with_both_cosines
from beautylens.store.columns import Vectors
from beautylens.store.gallery import Gallery
from beautylens.store.rows import Rows
from tests.conftest import Shop, catalogue_rows, write_table
from tests.store.test_gallery import DIMENSIONS, rows, unit, with_vlad

COUNT = 60
BLANK = 7


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    made = Gallery.create(tmp_path / "g.lens", dimensions=DIMENSIONS, vlad=DIMENSIONS, settings={})
    images = [(f"p{number:02}", "1.jpg", number) for number in range(COUNT)]
    prints = [unit(1000 + n) * np.float32(n != BLANK) for n in range(COUNT)]
    made.upsert(with_vlad(rows(*images), prints))
    return made


def asked(where: str | None = None) -> Query:
    return Query(Photo(np.zeros((8, 8, 3), np.uint8), where), unit(77), vlad=unit(88))


def join(gallery: Gallery, query: Query, depth: int) -> Matches:
    hybrid = HybridRetrieval(gallery)
    deep = gallery.vectors.search(query.descriptor, depth, query.where)
    return hybrid.fuse(query, deep, hybrid.search_vlad(query, depth), depth)


def nearest(cosines: dict[int, float], depth: int) -> dict[int, float]:
    return dict(sorted(cosines.items(), key=lambda each: -each[1])[:depth])


@pytest.mark.parametrize("where", [None, "brand = 'Dior'"])
def test_the_best_of_both_short_lists_are_kept_with_both_cosines(
    gallery: Gallery, where: str | None
) -> None:
    allowed = [n for n in range(COUNT) if where is None or n % 2 == 0]
    visual = {n: float(unit(77) @ unit(n)) for n in allowed}
    local = {n: float(unit(88) @ unit(1000 + n)) for n in allowed if n != BLANK}
    depth = 10
    deep, vlad = (nearest(found, depth) for found in (visual, local))
    sums = {
        n: deep.get(n, min(deep.values())) + vlad.get(n, min(vlad.values())) for n in deep | vlad
    }
    kept = sorted(sums, key=lambda n: -sums[n])[:depth]
    expected = sorted(kept, key=lambda n: -visual[n])
    matches = join(gallery, asked(where), depth)
    assert [match.product.product_id for match in matches] == [f"p{n:02}" for n in expected]
    for match, number in zip(matches, expected, strict=True):
        assert match.reasons.visual == pytest.approx(visual[number], abs=1e-5)
        assert match.score == match.reasons.visual
        assert match.reasons.local == pytest.approx(local[number], abs=1e-5)


def test_a_picture_without_keypoints_has_no_local_reason(gallery: Gallery) -> None:
    found = {match.product.product_id: match for match in join(gallery, asked(), COUNT)}
    assert len(found) == COUNT
    assert found[f"p{BLANK:02}"].reasons.local is None
    assert all(m.reasons.local is not None for p, m in found.items() if p != f"p{BLANK:02}")


def test_a_photo_without_keypoints_keeps_the_visual_short_list(
    collection: Collection, shop: Shop
) -> None:
    shaded = np.repeat(np.linspace(60, 200, 300).astype(np.uint8)[None, :, None], 300, axis=0)
    found = collection.search(np.repeat(shaded, 3, axis=2))
    assert found.query is not None
    assert found.query.vlad is None
    assert len(found) == 7
    assert all(match.reasons.local is None for match in found)
    visual = [match.reasons.visual or 0.0 for match in found]
    assert visual == sorted(visual, reverse=True)


def test_a_match_from_elsewhere_gets_both_cosines_and_one_that_is_gone_is_left_out(
    gallery: Gallery,
) -> None:
    numbers = [3, BLANK, 40]
    found = gallery.products.scored([f"p{n:02}" for n in numbers], unit(77))
    gone = replace(found[0], image_id="gone/1.jpg")
    both = with_both_cosines(gallery, asked(), (*found, gone))
    visual = {f"p{n:02}": float(unit(77) @ unit(n)) for n in numbers}
    local = {f"p{n:02}": float(unit(88) @ unit(1000 + n)) for n in numbers if n != BLANK}
    assert {m.product.product_id: m.score for m in both} == pytest.approx(visual, abs=1e-5)
    assert [m.reasons.visual for m in both] == [m.score for m in both]
    assert {
        m.product.product_id: m.reasons.local for m in both if m.reasons.local is not None
    } == pytest.approx(local, abs=1e-5)


def test_removed_products_vanish_from_both_short_lists(shop: Shop, tmp_path: Path) -> None:
    table = catalogue_rows(6)
    for row in table:
        row["image"] = str(shop.folder / row["image"])
    mine, _ = build(write_table(tmp_path / "t.csv", table), tmp_path / "c.lens")
    assert mine.search(shop.photo(1))[0].product.product_id == "p01"
    mine.remove(["p01"])
    assert "p01" not in {match.product.product_id for match in mine.search(shop.photo(1))}


def test_rows_that_moved_between_both_looks_are_looked_up_again(
    collection: Collection, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(collection.gallery.rows)
    at = kind.at
    looks: list[int] = []

    def moved(self: Rows, row_ids: list[int], columns: tuple[Vectors, ...]) -> object:
        looks.append(len(row_ids))
        return at(self, row_ids[:2] if len(looks) == 1 else row_ids, columns)

    monkeypatch.setattr(kind, "at", moved)
    found = [match.product.product_id for match in collection.search(shop.photo(1))]
    assert found[0] == "p01"
    assert len(found) == 7
    assert len(looks) == 2
