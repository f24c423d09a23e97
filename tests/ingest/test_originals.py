"""Augmenting a gallery: the originals are kept, and it can be done again at any time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beautylens.features.neighbours.knn import augment
from beautylens.ingest.originals import augment_gallery, originals
from beautylens.search.retrieve import nearest
from beautylens.store.gallery import Gallery
from tests.store.test_gallery import DIMENSIONS, rows, unit

SEEDS = {f"p{number:02}": number for number in range(20)}


def filled(folder: Path, products: dict[str, int]) -> Gallery:
    made = Gallery.create(folder / "g.lens", dimensions=DIMENSIONS, settings={})
    made.upsert(rows(*((product, "1.jpg", seed) for product, seed in products.items())))
    return made


def ids(products: dict[str, int]) -> list[str]:
    return [f"{product}/1.jpg" for product in sorted(products)]


def plain(products: dict[str, int]) -> np.ndarray:
    return np.stack([unit(products[product]) for product in sorted(products)])


def test_originals_come_in_the_order_of_their_ids(tmp_path: Path) -> None:
    gallery = filled(tmp_path, dict(reversed(SEEDS.items())))
    with originals(gallery) as kept:
        assert list(kept.image_ids) == ids(SEEDS)
        np.testing.assert_array_equal(kept.descriptors, plain(SEEDS))
        assert list(kept.digests) == [str(SEEDS[product]) for product in sorted(SEEDS)]


def test_an_empty_gallery_has_no_originals_and_nothing_to_augment(tmp_path: Path) -> None:
    gallery = Gallery.create(tmp_path / "g.lens", dimensions=DIMENSIONS, settings={})
    augment_gallery(gallery, 3, 3.0)
    with originals(gallery) as kept:
        assert kept.descriptors.shape == (0, DIMENSIONS)


@pytest.mark.parametrize("at_once", [4096, 3])
def test_every_descriptor_is_blended_with_its_neighbours(
    tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beautylens.store.rows.STREAMED_ROWS", at_once)
    monkeypatch.setattr("beautylens.ingest.originals.STREAMED_ROWS", at_once)
    gallery = filled(tmp_path, SEEDS)
    augment_gallery(gallery, 3, 3.0)
    expected = augment(plain(SEEDS), 3, 3.0)
    np.testing.assert_allclose(gallery.rows.descriptors(ids(SEEDS)), expected, atol=1e-6)
    assert gallery.rows.extra == ()
    assert nearest(gallery, unit(3), 1)[0].product.brand == "O'Hara"


def test_an_indexed_gallery_is_augmented_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beautylens.store.indexes.SCAN_LIMIT", 500)
    many = {f"p{number:03}": number for number in range(600)}
    gallery = filled(tmp_path, many)
    gallery.ensure_indexes()
    gallery.upsert(rows(("new", "1.jpg", 1000)))
    augment_gallery(gallery, 3, 3.0)
    many["new"] = 1000
    expected = augment(plain(many), 3, 3.0)
    np.testing.assert_allclose(gallery.rows.descriptors(ids(many)), expected, atol=1e-6)
    found = nearest(gallery, expected[17], 1)[0]
    assert (found.image_id, found.score) == (ids(many)[17], pytest.approx(1, abs=1e-5))


def test_augmenting_again_starts_from_the_originals(tmp_path: Path) -> None:
    gallery = filled(tmp_path, SEEDS)
    for _ in range(2):
        augment_gallery(gallery, 3, 3.0)
    expected = augment(plain(SEEDS), 3, 3.0)
    np.testing.assert_allclose(gallery.rows.descriptors(ids(SEEDS)), expected, atol=1e-6)
    augment_gallery(gallery, 0, 3.0)
    np.testing.assert_allclose(gallery.rows.descriptors(ids(SEEDS)), plain(SEEDS), atol=1e-6)


def test_products_added_or_replaced_afterwards_take_part_the_next_time(tmp_path: Path) -> None:
    gallery = filled(tmp_path, SEEDS)
    augment_gallery(gallery, 3, 3.0)
    gallery.upsert(rows(("new", "1.jpg", 100), ("p03", "1.jpg", 101)))
    np.testing.assert_allclose(gallery.rows.descriptors(["p03/1.jpg"]), [unit(101)], atol=1e-6)
    changed = {**SEEDS, "new": 100, "p03": 101}
    augment_gallery(gallery, 2, 0.0)
    expected = augment(plain(changed), 2, 0.0)
    np.testing.assert_allclose(gallery.rows.descriptors(ids(changed)), expected, atol=1e-6)


def test_a_picture_replaced_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    gallery = filled(tmp_path, SEEDS)
    stale = rows(("p05", "1.jpg", 5)).select(["image_id", "digest", "descriptor"])
    gallery.upsert(rows(("p05", "1.jpg", 55)))
    gallery.rows.replace(stale)
    np.testing.assert_allclose(gallery.rows.descriptors(["p05/1.jpg"]), [unit(55)], atol=1e-6)
    assert gallery.rows.count() == 20
