"""Pieces that are published while others write: one whole version of a product stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from beautylens.store.gallery import Gallery
from tests.store.test_gallery import DIMENSIONS, rows


def names_of(gallery: Gallery) -> list[tuple[str, str]]:
    there = gallery._columns(["image_id", "name"]).to_pylist()
    return sorted((row["image_id"], row["name"]) for row in there)


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    made = Gallery.create(tmp_path / "g.lens", dimensions=DIMENSIONS, settings={})
    made.upsert(rows(("old", "a", 0)))
    return made


def test_pieces_are_seen_once_they_are_published(gallery: Gallery) -> None:
    examined = gallery.versions()
    pieces = gallery.write_piece(rows(("p", "a", 1)))
    pieces += gallery.write_piece(rows(("q", "a", 2), ("q", "b", 3)))
    assert len(names_of(gallery)) == 1
    assert gallery.publish(pieces, examined) == []
    assert [image for image, _ in names_of(gallery)] == ["old/a", "p/a", "q/a", "q/b"]


@pytest.mark.parametrize("image", ["p/a", "p/new"], ids=["the same image", "another image"])
def test_what_another_process_wrote_before_stays_whole_at_every_moment(
    gallery: Gallery, image: str
) -> None:
    examined = gallery.versions()
    pieces = gallery.write_piece(rows(("o", "a", 1), ("p", "a", 2), ("p", "b", 3)))
    pieces += gallery.write_piece(rows(("q", "a", 4)))
    other = Gallery(gallery.address)
    other.upsert(rows((*image.split("/"), 5), name="accepted"))
    other.upsert(rows(("r", "a", 6)))
    first = gallery.versions() + 1
    assert gallery.publish(pieces, examined) == ["p"]
    others = ["o/a", "old/a", "q/a", "r/a"]
    assert names_of(gallery) == sorted([*((each, "") for each in others), (image, "accepted")])
    # Whoever looks between two of the commits finds the accepted rows as well.
    for version in range(first, gallery.versions() + 1):
        gallery._images.checkout(version)
        assert (image, "accepted") in names_of(gallery)


def test_what_another_process_writes_after_replaces_the_piece(gallery: Gallery) -> None:
    examined = gallery.versions()
    gallery.publish(gallery.write_piece(rows(("p", "a", 1), ("p", "b", 2))), examined)
    Gallery(gallery.address).upsert(rows(("p", "a", 3), name="accepted"))
    assert names_of(gallery) == [("old/a", ""), ("p/a", "accepted")]
