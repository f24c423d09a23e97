"""Fragments that are published while others write: one whole version of a product stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from beautylens.store.gallery import Gallery
from beautylens.store.orphans import sweep_orphans
from tests.store.test_gallery import DIMENSIONS, rows


def names_of(gallery: Gallery) -> list[tuple[str, str]]:
    there = gallery.rows.select(["image_id", "name"]).to_pylist()
    return sorted((row["image_id"], row["name"]) for row in there)


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    made = Gallery.create(tmp_path / "g.lens", dimensions=DIMENSIONS, settings={})
    made.upsert(rows(("old", "a", 0)))
    return made


def test_fragments_are_seen_once_they_are_published(gallery: Gallery) -> None:
    examined = gallery.version
    fragments = gallery.write_fragments(rows(("p", "a", 1)))
    fragments += gallery.write_fragments(rows(("q", "a", 2), ("q", "b", 3)))
    assert len(names_of(gallery)) == 1
    assert gallery.publish(fragments, examined) == []
    assert [image for image, _ in names_of(gallery)] == ["old/a", "p/a", "q/a", "q/b"]


@pytest.mark.parametrize("image", ["p/a", "p/new"], ids=["the same image", "another image"])
def test_what_another_process_wrote_before_stays_whole_at_every_moment(
    gallery: Gallery, image: str
) -> None:
    examined = gallery.version
    fragments = gallery.write_fragments(rows(("o", "a", 1), ("p", "a", 2), ("p", "b", 3)))
    fragments += gallery.write_fragments(rows(("q", "a", 4)))
    other = Gallery(gallery.address)
    other.upsert(rows((*image.split("/"), 5), name="accepted"))
    other.upsert(rows(("r", "a", 6)))
    first = gallery.version + 1
    assert gallery.publish(fragments, examined) == ["p"]
    others = ["o/a", "old/a", "q/a", "r/a"]
    assert names_of(gallery) == sorted([*((each, "") for each in others), (image, "accepted")])
    # Whoever looks between two of the commits finds the accepted rows as well.
    for version in range(first, gallery.version + 1):
        then = gallery.rows.table.newest().checkout_version(version).to_table(["image_id", "name"])
        assert {"image_id": image, "name": "accepted"} in then.to_pylist()


def test_what_another_process_writes_after_replaces_the_fragment(gallery: Gallery) -> None:
    examined = gallery.version
    gallery.publish(gallery.write_fragments(rows(("p", "a", 1), ("p", "b", 2))), examined)
    Gallery(gallery.address).upsert(rows(("p", "a", 3), name="accepted"))
    assert names_of(gallery) == [("old/a", ""), ("p/a", "accepted")]


def test_files_that_no_version_names_are_swept_once_they_are_old(gallery: Gallery) -> None:
    gallery.publish(gallery.write_fragments(rows(("p", "a", 1))), gallery.version)
    before = data_of(gallery)
    gallery.write_fragments(rows(("orphan", "a", 2)))
    gallery.upsert(rows(("p", "a", 3), name="new"))
    orphan = data_of(gallery) - before - named_by(gallery)
    assert len(orphan) == 1
    assert sweep_orphans(gallery.rows) == 0
    for file in data_of(gallery):
        os.utime(file, (0, 0))
    assert sweep_orphans(gallery.rows) == 1
    assert orphan.isdisjoint(data_of(gallery))
    # Also the former versions are whole.
    for version in range(1, gallery.version + 1):
        gallery.rows.table.newest().checkout_version(version).to_table(["image_id", "descriptor"])
    assert names_of(gallery) == [("old/a", ""), ("p/a", "new")]
    assert sweep_orphans(gallery.rows) == 0


def data_of(gallery: Gallery) -> set[Path]:
    return set((Path(gallery.rows.location) / "data").iterdir())


def named_by(gallery: Gallery) -> set[Path]:
    folder = Path(gallery.rows.location) / "data"
    fragments = gallery.rows.table.newest().get_fragments()
    return {folder / file.path for each in fragments for file in each.metadata.files}
