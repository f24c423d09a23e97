"""Products by their words: misread ones, rare ones, and after every change of the gallery."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from beautylens.store.gallery import Gallery
from beautylens.store.picture_text import PictureLines
from beautylens.text.ocr import Line

NAMES = {
    "mask": ("Kaplan MD", "Reine Blanche Face Mask 50 ml"),
    "liner": ("Bourjois", "Fabuliner Noir 01"),
    "rouge": ("Dior", "Rouge Dior 475"),
    "rouge480": ("Dior", "Rouge Dior 480"),
    "cream": ("Nivea", "Soft Face Cream 200 ml"),
    "balm": ("Burt's Bees", "Lip Balm"),
}


def rows(names: dict[str, tuple[str, str]], pictures: int = 1, **extra: str) -> pa.Table:
    pairs = [(product, number) for product in names for number in range(pictures)]
    text = {
        "image_id": [f"{product}/{number}" for product, number in pairs],
        "product_id": [product for product, _ in pairs],
        "brand": [names[product][0] for product, _ in pairs],
        "name": [names[product][1] for product, _ in pairs],
        "digest": [f"{product}{number}" for product, number in pairs],
        **{column: [value] * len(pairs) for column, value in extra.items()},
    }
    flat = np.tile(np.array([1, 0], np.float32), len(pairs))
    return pa.table(
        {
            **{name: pa.array(values, pa.string()) for name, values in text.items()},
            "descriptor": pa.FixedSizeListArray.from_arrays(pa.array(flat), 2),
            "keypoints": pa.array([b""] * len(pairs), pa.large_binary()),
        }
    )


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    made = Gallery.create(tmp_path / "g.lens", dimensions=2, settings={}, words=True)
    made.upsert(rows(NAMES))
    return made


@pytest.fixture(params=["indexed", "not indexed"])
def either(request: pytest.FixtureRequest, gallery: Gallery) -> Gallery:
    """Rows in the index, and rows that are not in it yet."""
    if request.param == "indexed":
        gallery.ensure_indexes()
    return gallery


def found(gallery: Gallery, *lines: str, limit: int = 50, where: str | None = None) -> list[str]:
    return list(gallery.words.search(lines, limit, where))


def read(gallery: Gallery, product: str, text: str) -> None:
    line = Line(text, 0.9, ((0.0, 0.0), (9.0, 0.0), (9.0, 3.0), (0.0, 3.0)))
    gallery.picture_text.put([PictureLines(f"{product}/0", product, f"{product}0", (line,))])


@pytest.mark.parametrize(
    ("typed", "product"),
    [
        ("reine blanche", "mask"),
        ("REINE BLANCHÉ", "mask"),
        ("rene blancne", "mask"),  # a letter missed, a letter wrong
        ("reineblanche", "mask"),  # no space
        ("fabu liner", "liner"),  # a space too many
        ("fabullmer", "liner"),  # two of nine letters
        ("burt s bees", "balm"),
        ("bourjols", "liner"),
    ],
)
def test_words_that_are_misread_in_one_letter_in_four_find_their_product(
    either: Gallery, typed: str, product: str
) -> None:
    assert found(either, typed)[0] == product


def test_words_with_more_wrong_letters_find_nothing(either: Gallery) -> None:
    assert found(either, "dxxr") == found(either, "fxbxlxner") == found(either, "") == []


def test_numbers_and_sizes_are_found_in_any_spelling_but_only_exactly(either: Gallery) -> None:
    assert found(either, "dior 475")[0] == "rouge"
    assert found(either, "dior No. 480")[0] == "rouge480"
    assert found(either, "0.05 l") == ["mask"]
    assert found(either, "476") == found(either, "51ml") == []


def test_a_rare_word_counts_more_than_a_frequent_one(either: Gallery) -> None:
    # Two products have "face", one has "fabuliner".
    assert found(either, "face fabuliner")[0] == "liner"


def test_a_word_as_it_is_written_counts_more_than_a_similar_one(either: Gallery) -> None:
    either.upsert(rows({"other": ("Biore", "Rougi Care")}))
    assert found(either, "rouge")[:2] == ["rouge", "rouge480"]


def test_only_products_that_meet_the_filter_take_part(either: Gallery) -> None:
    assert found(either, "face", limit=1, where="brand = 'Nivea'") == ["cream"]


def test_many_pictures_of_one_product_do_not_hide_the_others(gallery: Gallery) -> None:
    gallery.upsert(rows({"many": ("Kaplan MD", "Blanche")}, pictures=9))
    assert set(found(gallery, "blanche", limit=2)) == {"many", "mask"}


def test_short_metadata_values_are_found_and_descriptions_are_not(gallery: Gallery) -> None:
    gallery.upsert(rows({"new": ("Kumo", "Gel")}, shade="Aubergine", text="crimson " * 20))
    assert found(gallery, "aubergine") == ["new"]
    assert found(gallery, "crimson") == []


def test_words_on_catalogue_pictures_are_found(either: Gallery) -> None:
    read(either, "balm", "HYDRATING\nPOMEGRANATE")
    assert found(either, "pomegranete") == ["balm"]
    either.picture_text.compact()
    assert found(either, "pomegranate") == ["balm"]


def test_every_change_is_followed(either: Gallery) -> None:
    read(either, "balm", "POMEGRANATE")
    assert found(either, "balm pomegranate") == ["balm"]
    either.delete(["balm"])
    assert found(either, "balm pomegranate") == []
    either.upsert(rows({"liner": ("Bourjois", "Khol Kajal"), "new": ("Kumo", "Yuzu Gel")}))
    assert found(either, "fabuliner") == []
    assert found(either, "kajal") == ["liner"]
    assert found(either, "yuzo") == ["new"]
    either.ensure_indexes()
    either.compact(10_000)
    assert found(either, "kajal") == ["liner"]
    assert found(either, "bourjois khol") == ["liner"]


def test_rows_read_from_a_gallery_and_renamed_are_found_by_their_new_name(gallery: Gallery) -> None:
    there = gallery.rows.select(gallery.rows.table.schema.names, "product_id = 'liner'")
    column = there.column_names.index("name")
    gallery.upsert(there.set_column(column, "name", pa.array(["Khol Kajal"])))
    assert found(gallery, "kajal") == ["liner"]
    assert found(gallery, "fabuliner") == []


def test_fragments_that_a_cluster_wrote_are_followed(gallery: Gallery) -> None:
    written = gallery.write_fragments(rows({"new": ("Kumo", "Yuzu Gel")}))
    assert found(gallery, "yuzu") == []
    gallery.publish(written, gallery.version)
    assert found(gallery, "yuzu") == ["new"]


CHANGE = """
import os, signal, sys
from beautylens.store.gallery import Gallery
from tests.store.test_product_words import read, rows
gallery = Gallery(sys.argv[1])
gallery.delete(["balm"])
gallery.upsert(rows({"new": ("Kumo", "Yuzu Gel")}))
read(gallery, "new", "MARSHMALLOW")
if sys.argv[2] == "kill":
    import lance
    def killed(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)
    # Between the commit of the rows and that of their index.
    lance.LanceDataset.create_scalar_index = killed
    gallery.ensure_indexes()
"""


@pytest.mark.parametrize("end", ["exit", "kill"])
def test_what_another_process_changed_is_found_even_if_it_was_killed(
    gallery: Gallery, end: str
) -> None:
    assert found(gallery, "balm") == ["balm"]
    done = subprocess.run(
        [sys.executable, "-c", CHANGE, gallery.address, end], check=False, capture_output=True
    )
    assert done.returncode == (0 if end == "exit" else -9), done.stderr
    for each in (gallery, Gallery(gallery.address)):
        assert found(each, "balm") == []
        assert found(each, "yuzu") == found(each, "marshmalow") == ["new"]


def test_a_search_writes_nothing_so_that_the_folder_may_be_read_only(either: Gallery) -> None:
    def files() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in Path(either.address).rglob("*")}

    before = files()
    assert found(either, "fabuliner") == ["liner"]
    assert files() == before


def test_a_gallery_of_a_recipe_without_words_finds_nothing(tmp_path: Path) -> None:
    made = Gallery.create(tmp_path / "g.lens", dimensions=2, settings={})
    made.upsert(rows(NAMES))
    made.ensure_indexes()
    assert not made.words.exists()
    assert found(made, "fabuliner") == []
