"""What is derived from all rows follows every change, and only a change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beautylens.collection import Collection, open_collection
from beautylens.errors import RecipeError, TableError
from beautylens.indexing import build
from beautylens.ingest import derive as derived
from beautylens.recipe.recipe import read_recipe
from beautylens.search.distances import SIMILARITIES
from tests.conftest import Shop, catalogue_rows, make_shop, write_table

AUGMENT = "[augment]\nn = 2\nalpha = 0.0\n"
LATE = "[expand]\nkind = 'late_diffusion'\nk_d = 4\ntruncation = 8\n"
EARLY = "[expand]\nkind = 'diffusion'\nk_d = 4\ndepth = 8\n"
BY_NAME = "[expand_by_name]\nminimum = 0.05\nfirst = 1\n"


def recipe(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(f"[encoder]\nside = 96\n{text}")
    return path


def first_eight(shop: Shop) -> Path:
    return write_table(shop.folder / "eight.csv", catalogue_rows(8))


def the_rest(shop: Shop) -> Path:
    return write_table(shop.folder / "rest.csv", catalogue_rows(12)[8:])


def answers(collection: Collection, shop: Shop) -> list[tuple[str, float]]:
    found = collection.search(str(shop.photo(1)), limit=12)
    rounded = [(match.product.product_id, round(match.score, 5)) for match in found]
    # Pictures may be alike to the last digits, which another build need not share.
    return sorted(rounded, key=lambda answer: (-answer[1], answer[0]))


@pytest.mark.parametrize("text", [AUGMENT, LATE, EARLY, BY_NAME, AUGMENT + LATE + BY_NAME])
def test_adding_and_removing_ends_where_indexing_all_at_once_does(
    shop: Shop, tmp_path: Path, text: str
) -> None:
    chosen = recipe(tmp_path, text)
    at_once, _ = build(shop.table, tmp_path / "once.lens", recipe=chosen)
    by_parts, _ = build(first_eight(shop), tmp_path / "parts.lens", recipe=chosen)
    assert by_parts.add(the_rest(shop)).written == 4
    assert answers(by_parts, shop) == answers(at_once, shop)
    by_parts.remove(["p08", "p09", "p10", "p11"])
    eight, _ = build(first_eight(shop), tmp_path / "eight.lens", recipe=chosen)
    assert answers(by_parts, shop) == answers(eight, shop)


@pytest.mark.parametrize("text", [LATE, BY_NAME])
def test_an_open_collection_follows_what_another_process_changes(
    shop: Shop, tmp_path: Path, text: str
) -> None:
    reader, _ = build(shop.table, tmp_path / "c.lens", recipe=recipe(tmp_path, text))
    assert len(answers(reader, shop)) == 12
    open_collection(tmp_path / "c.lens").remove(["p03"])
    found = answers(reader, shop)
    assert len(found) == 11
    assert found == answers(open_collection(tmp_path / "c.lens"), shop)


def test_nothing_is_derived_again_without_a_change(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    derive = derived._derive
    monkeypatch.setattr(derived, "_derive", lambda *parts: made.append(1) or derive(*parts))
    chosen = recipe(tmp_path, BY_NAME)
    collection, _ = build(first_eight(shop), tmp_path / "c.lens", recipe=chosen)
    build(first_eight(shop), tmp_path / "c.lens", recipe=chosen)
    collection.remove(["unknown"])
    assert len(made) == 1
    collection.remove(["p01"])
    assert len(made) == 2


def test_a_graph_of_another_size_is_derived_beside_the_first_and_nothing_else_again(
    shop: Shop, tmp_path: Path
) -> None:
    collection, _ = build(shop.table, tmp_path / "c.lens", recipe=recipe(tmp_path, EARLY))
    gallery = collection.gallery
    before = gallery.artefacts.get("neighbours_4")
    more = read_recipe(recipe(tmp_path, EARLY.replace("k_d = 4", "k_d = 6")))
    derived.derive(more, gallery)
    assert gallery.artefacts.get("neighbours_4") == before
    assert derived.read_derived(more, gallery).graph is not None


def test_what_was_interrupted_is_derived_on_the_next_run(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = recipe(tmp_path, BY_NAME)
    with monkeypatch.context() as patch:
        patch.setattr(derived, "_derive", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            build(shop.table, tmp_path / "c.lens", recipe=chosen)
    collection, filled = build(shop.table, tmp_path / "c.lens", recipe=chosen)
    assert filled.written == 0
    assert len(answers(collection, shop)) == 12


def test_products_brought_in_by_their_text_are_scored_as_the_others_are(
    shop: Shop, tmp_path: Path
) -> None:
    text = "[retrieve]\ndistance = 'l1'\ndepth = 3\n" + BY_NAME + "variant = 'program'\n"
    collection, _ = build(shop.table, tmp_path / "c.lens", recipe=recipe(tmp_path, text))
    found = collection.search(str(shop.photo(1)), 7)
    assert found.query is not None
    rows = collection.gallery.rows.descriptors([match.image_id for match in found])
    exact = SIMILARITIES["l1"](found.query.descriptor, rows)
    assert found[0].product.product_id == "p01"
    np.testing.assert_allclose([match.score for match in found], np.minimum.accumulate(exact))


def test_a_text_column_that_is_not_there_is_told_before_anything_is_indexed(
    shop: Shop, tmp_path: Path
) -> None:
    chosen = recipe(tmp_path, BY_NAME + "columns = ['colour']\n")
    with pytest.raises(TableError, match="the catalogue has no column 'colour'"):
        build(shop.table, tmp_path / "c.lens", recipe=chosen)
    assert not (tmp_path / "c.lens").exists()


@pytest.mark.parametrize(
    "text", ["[retrieve]\ndistance = 'l1'\n", "[ensemble]\ncombine = 'product'\n"]
)
def test_expansion_is_refused_where_the_cosine_is_not_the_score(tmp_path: Path, text: str) -> None:
    chosen = recipe(tmp_path, text + "[expand]\nkind = 'alpha_qe'\n")
    with pytest.raises(RecipeError, match=r"mine\.toml': \[expand\] works on cosines"):
        read_recipe(chosen)


def test_a_second_picture_of_a_product_takes_part(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 6)
    rows = catalogue_rows(6)
    rows[0]["image"] = "gallery/00.jpg;photos/00.jpg"
    table = write_table(shop.folder / "two.csv", rows)
    collection, _ = build(table, tmp_path / "c.lens", recipe=recipe(tmp_path, AUGMENT + BY_NAME))
    assert collection.search(str(shop.photo(0)), limit=6)[0].product.product_id == "p00"
