"""What `import beautylens` offers, and what users do with it."""

from __future__ import annotations

import ast
import builtins
import io
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

import beautylens as bl
from beautylens import errors
from beautylens.errors import MissingExtraError
from beautylens.images.sources import several_pictures
from beautylens.runtime.extras import extra
from tests.conftest import Shop, catalogue_rows, photograph


def test_tab_completion_lists_what_can_be_used_and_all_of_it_is_there() -> None:
    assert set(dir(bl)) == {*bl.__all__, "__version__"}
    assert bl.__all__ == sorted(bl.__all__)
    for name in bl.__all__:
        assert getattr(bl, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'serach'"):
        _ = bl.serach  # type: ignore[attr-defined]


def test_type_checkers_see_the_names_that_are_loaded_when_asked_for() -> None:
    tree = ast.parse(Path(bl.__file__).read_text("utf-8"))
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    homes = {
        alias.asname or alias.name: f"{node.module}.{alias.name}".removeprefix("beautylens.")
        for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }  # fmt: skip
    assert homes == bl._HOMES
    assert set(homes) == set(bl.__all__)
    assert (Path(bl.__file__).parent / "py.typed").exists()


def test_every_error_of_ours_is_public() -> None:
    public = {getattr(bl, name) for name in bl.__all__ if name.endswith("Error")}
    defined = (each for each in vars(errors).values() if isinstance(each, type))
    assert public == set(defined)


def test_importing_the_package_loads_no_engine() -> None:
    code = "import sys, beautylens; dir(beautylens); print([*sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(ast.literal_eval(done.stdout))
    assert not loaded & {"numpy", "lance", "pyarrow", "openvino", "pydantic", "PIL", "cv2"}


def test_a_missing_extra_is_an_error_of_its_own_with_a_line_for_a_clone() -> None:
    with pytest.raises(MissingExtraError) as told, extra("scale"):
        import nothing_of_this_name  # noqa: F401  # type: ignore[import-not-found]
    assert "nothing_of_this_name is needed" in str(told.value)
    assert "run in the folder of Beautylens' repository: pip install '.[scale]'" in str(told.value)
    assert not isinstance(told.value, bl.EncoderError)


def test_without_pandas_a_frame_says_the_line_that_installs_it(
    collection: bl.Collection, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = collection.search(shop.photo(0))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[pandas\]'"):
        found.to_pandas()


def test_a_frame_has_a_row_a_match_and_the_values_of_the_dict(
    collection: bl.Collection, shop: Shop
) -> None:
    found = collection.search(shop.photo(0), limit=3)
    frame, listed = found.to_pandas(), found.to_dict()["matches"]
    assert list(frame.index) == [1, 2, 3]
    assert frame["product_id"].tolist() == [match["product_id"] for match in listed]
    assert frame["inliers"].tolist() == [match["reasons"]["inliers"] for match in listed]
    assert frame["metadata.shade"].tolist() == [match["metadata"]["shade"] for match in listed]
    assert json.dumps(found.to_dict())
    none = collection.search(shop.photo(0), where="brand = 'Nobody'").to_pandas()
    assert len(none) == 0
    assert {"product_id", "score", "visual"} <= set(none.columns)


def test_matches_explain_themselves_also_after_a_cut_and_a_pickle(
    collection: bl.Collection, shop: Shop, tmp_path: Path
) -> None:
    found = collection.search(shop.photo(0), limit=3)
    written = found.explain(str(tmp_path / "why"))
    assert written.photo.is_file()
    assert list(written.keypoints) == [1, 2, 3]
    assert not written.errors
    names = {f"{n}_{match.product.product_id}.png" for n, match in enumerate(found, 1)}
    assert names <= {path.name for path in (tmp_path / "why").iterdir()}
    again = pickle.loads(pickle.dumps(found.top(1))).explain(tmp_path / "again")  # noqa: S301
    assert list(again.keypoints) == [1]
    assert again.keypoints[1].read_bytes() == written.keypoints[1].read_bytes()


def test_a_catalogue_picture_that_is_gone_is_told_and_not_drawn(tmp_path: Path) -> None:
    own = _pictures(tmp_path, 2)
    made = bl.index(own, tmp_path / "c.lens", recipe="fast")
    cv2.imwrite(str(tmp_path / "photo.png"), photograph(cv2.imread(own[0]["image"]), 0))
    found = made.search(tmp_path / "photo.png")
    Path(own[0]["image"]).unlink()
    written = found.explain(tmp_path / "why")
    assert list(written.keypoints) == [2]
    assert "does not exist" in written.errors[1]


def test_matches_that_no_search_returned_cannot_be_explained(tmp_path: Path) -> None:
    with pytest.raises(bl.QueryError, match=r"Collection\.search"):
        bl.Matches().explain(tmp_path)


def test_a_prepared_photo_is_searched_as_the_picture_is(
    collection: bl.Collection, shop: Shop
) -> None:
    photo = collection.photo(shop.photo(1), words="rouge")
    assert collection.search(photo).rows == collection.search(shop.photo(1), words="rouge").rows
    with pytest.raises(bl.QueryError, match="to `photo`"):
        collection.search(photo, words="day")


def test_a_product_comes_with_its_pictures_and_an_unknown_one_is_none(
    collection: bl.Collection, shop: Shop
) -> None:
    product = collection.get("p03")
    assert product is not None
    assert (product.name, product.brand) == ("Crème 03 rouge", "Aurelle")
    assert product.metadata == {"shade": "003"}
    assert product.images == (str(shop.picture(3)),)
    assert collection.get("p99") is None
    assert collection.known("p03") == {"p03"}
    small = collection.thumbnail("p03")
    assert small is not None
    assert (small.shape[0] * 3, small.shape[2]) == (small.shape[1] * 4, 3)
    assert collection.thumbnail("p99") is None


def test_a_collection_says_what_it_is(collection: bl.Collection) -> None:
    facts = collection.info()
    assert (facts["images"], facts["products"], facts["recipe"]) == (12, 12, "default")
    assert collection.metadata_columns == ("shade",)
    assert collection.address.endswith("shop.lens")
    assert repr(collection) == f"Collection('{collection.address}', recipe='default')"
    assert repr(collection.encoder) == f"Encoder('{collection.encoder.name}')"
    assert json.dumps(facts)


def test_many_photos_are_answered_in_order_and_a_bad_one_stops_no_other(
    collection: bl.Collection, shop: Shop
) -> None:
    photos: list[Any] = [shop.photo(0), b"no picture", shop.photo(1).read_bytes(), "gone.jpg"]
    found = list(collection.search_many(photos, limit=2))
    assert [photo for photo, _ in found] == photos
    assert isinstance(found[1][1], bl.ImageError)
    assert isinstance(found[3][1], bl.ImageError)
    alone = collection.search(shop.photo(0), limit=2)
    assert isinstance(found[0][1], bl.Matches)
    assert found[0][1].rows == alone.rows
    assert isinstance(found[2][1], bl.Matches)
    assert found[2][1][0].product.product_id == "p01"


def test_of_endless_photos_a_few_are_taken_at_a_time(collection: bl.Collection, shop: Shop) -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield shop.photo(0)

    found = collection.search_many(endless(), limit=1, workers=2)
    assert taken == 0
    next(found)
    assert taken <= 5
    found.close()  # type: ignore[attr-defined]  # it is a generator


@pytest.mark.parametrize(
    "wrong",
    [{"limit": 0}, {"where": "nosuch = 1"}, {"workers": 0}, {"words": []}, {"crop_to": (0, 0)}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_is_wrong_for_all_photos_is_told_at_once(
    collection: bl.Collection, shop: Shop, wrong: dict[str, Any]
) -> None:
    with pytest.raises(bl.QueryError):
        collection.search_many([shop.photo(0)], **wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"words": ["velvet", "475"]}, "words is of type list; give one text"),
        ({"where": ["brand = 'x'"]}, "where is of type list; give one text"),
        ({"crop_to": (0, 0, 90, 90)}, "crop_to is of type tuple; give a Box"),
    ],
)
def test_an_argument_of_a_wrong_type_is_refused_in_one_sentence(
    collection: bl.Collection, shop: Shop, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(bl.QueryError, match=message):
        collection.search(shop.photo(0), **wrong)


def test_a_lone_picture_is_one_picture_in_whatever_form_it_comes(shop: Shop) -> None:
    path = shop.photo(0)
    pixels = np.zeros((9, 9, 3), np.uint8)
    lone = (
        str(path),
        path,
        b"ab",
        bytearray(b"ab"),
        io.BytesIO(b"ab"),
        pixels,
        Image.new("L", (9, 9)),
    )
    for each in lone:
        (one,) = several_pictures(each)
        assert one is each
    assert len(list(several_pictures(np.stack([pixels, pixels])))) == 2
    assert len(list(several_pictures([path, pixels]))) == 2


def test_a_lone_photo_or_path_is_not_taken_for_its_letters(
    collection: bl.Collection, shop: Shop
) -> None:
    ((photo, found),) = collection.search_many(str(shop.photo(0)), limit=1)
    assert photo == str(shop.photo(0))
    assert isinstance(found, bl.Matches)
    assert collection.encoder(str(shop.photo(0))).shape[0] == 1


def _pictures(folder: Path, count: int) -> list[dict[str, Any]]:
    """Rows of a catalogue whose pictures are drawn into a folder."""
    from tests.conftest import draw_pack

    rows = []
    for row, number in zip(catalogue_rows(count), range(count), strict=True):
        cv2.imwrite(str(folder / f"{number}.png"), draw_pack(number))
        rows.append({**row, "image": str(folder / f"{number}.png")})
    return rows


def _arrow(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows)


SHAPES: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "dicts": lambda rows: rows,
    "generator": iter,
    "data frame": pd.DataFrame,
    "data frame by id": lambda rows: pd.DataFrame(rows).set_index("product_id"),
    "Arrow table": _arrow,
    "Arrow batches": lambda rows: pa.RecordBatchReader.from_batches(
        _arrow(rows).schema, _arrow(rows).to_batches()
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_catalogue_in_memory_is_the_one_of_the_file(shape: str, shop: Shop) -> None:
    from beautylens.catalogue.sources import catalogue_from

    rows = [{**row, "image": str(shop.folder / row["image"])} for row in catalogue_rows(12)]
    given, read = catalogue_from(SHAPES[shape](rows)), catalogue_from(shop.table)
    assert given.extra == read.extra
    columns = ["product_id", "name", "brand", "shade", "row"]
    assert given.rows.select(columns).to_pylist() == read.rows.select(columns).to_pylist()


def test_rows_are_taken_while_another_thread_imports_pandas(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from beautylens.catalogue.sources import catalogue_from

    monkeypatch.setitem(sys.modules, "pandas", ModuleType("pandas"))
    assert catalogue_from([{"product_id": "1", "image": str(shop.photo(0))}]).rows.num_rows == 1


def test_values_of_python_become_the_cells_of_a_file() -> None:
    from beautylens.catalogue.sources import catalogue_from

    rows = [
        {"product_id": 1001, "image": [Path("a;b.jpg"), "c.jpg"], "name": None, "size": 50},
        {"product_id": np.int64(1002), "image": Path("d.jpg"), "name": "x", "size": float("nan"),
         "tags": ["a", "b"]},
        {"product_id": "A3", "image": ("e.jpg",), "size": np.float32(1.5), "vegan": True},
    ]  # fmt: skip
    for given in (rows, pd.DataFrame(rows)):
        made = catalogue_from(given)
        assert made.rows["product_id"].to_pylist() == ["1001", "1001", "1002", "A3"]
        assert made.rows["image"].to_pylist() == ["a;b.jpg", "c.jpg", "d.jpg", "e.jpg"]
        assert made.rows["tags"].to_pylist() == ["", "", '["a","b"]', ""]
        assert made.rows["name"].to_pylist() == ["", "", "x", ""]
    assert catalogue_from(rows).rows["size"].to_pylist() == ["50", "50", "", "1.5"]
    assert catalogue_from(rows).rows["vegan"].to_pylist()[-1] == "true"


def test_whole_numbers_beside_a_missing_one_stay_whole() -> None:
    from beautylens.catalogue.sources import catalogue_from

    frame = pd.DataFrame(
        {"product_id": [1001, 1002], "image": ["a.jpg", "b.jpg"], "size": [7, None]}
    )
    assert catalogue_from(frame).rows["size"].to_pylist() == ["7", ""]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "has no rows"),
        (["a.csv"], "row 1 is of type str; give one dict per row"),
        (
            {"product_id": ["1"], "image": ["a.jpg"]},
            "is of type dict; give a path, a list",
        ),
        (7, "is of type int; give a path"),
        ([{"product_id": "1"}], "has no column 'image'"),
        ([{"product_id": "1", "image": b"\xff\xd8"}], "row 1 has bytes in the column 'image'"),
        ([{"product_id": "1", "image": [np.zeros((9, 9, 3), np.uint8)]}], "row 1 has ndarray"),
        (pa.table({"product_id": ["1"], "image": [b"\xff\xd8"]}), "has bytes in the column"),
        (pd.DataFrame([["1", "a", "b"]], columns=["product_id", "image", "image"]), "several col"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(given: Any, message: str) -> None:
    from beautylens.catalogue.sources import catalogue_from

    with pytest.raises(bl.TableError, match=message):
        catalogue_from(given)


def test_a_collection_is_built_of_rows_and_takes_more(tmp_path: Path) -> None:
    rows = _pictures(tmp_path, 3)
    made = bl.index(rows[:2], tmp_path / "c.lens", recipe="fast")
    assert len(made) == 2
    filled = made.add(pd.DataFrame(rows[2:]))
    assert filled.written == 1
    product = made.get("p02")
    assert product is not None
    assert product.images == (rows[2]["image"],)
    assert made.remove("p02") == 1
    assert made.get("p02") is None


@pytest.fixture(scope="module")
def truth(shop: Shop) -> list[dict[str, Any]]:
    """Four photos, the product of the last left out of the catalogue."""
    return [
        {"image": str(shop.photo(n)), "product_ids": [] if n == 3 else [f"p{n:02}"], "kind": "tilt"}
        for n in range(4)
    ]


def test_evaluate_returns_figures_verdicts_and_what_was_found_for_each_photo(
    collection: bl.Collection, truth: list[dict[str, Any]], tmp_path: Path
) -> None:
    shown: list[int] = []
    measured = bl.evaluate(collection, truth, progress=lambda state: shown.append(state.done))
    assert shown == [1, 2, 3, 4]
    assert measured.summary.overall.map7_challenge == 1.0
    assert measured.verdicts is not None
    assert [row.ranking[0] for row in measured.results[:3]] == ["p00", "p01", "p02"]
    assert measured.unknown == ()
    figures = json.loads(json.dumps(measured.to_dict()))
    assert figures["without_truth"] == 1
    assert figures["verdicts"]["queries"] == 4
    frame = measured.to_pandas()
    assert frame["rank"].tolist()[:3] == [1, 1, 1]
    assert frame["rank"].isna().tolist() == [False, False, False, True]
    assert frame["image"].tolist() == [row["image"] for row in truth]
    page = measured.write_report(tmp_path / "report", "Own title")
    assert "Own title" in page.read_text("utf-8")


def test_evaluate_opens_an_address_reads_a_file_and_notes_what_it_cannot_read(
    collection: bl.Collection, shop: Shop, tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(f"image,product_ids\n{shop.photo(0)},p00\ngone.jpg,nobody\n", "utf-8")
    measured = bl.evaluate(collection.address, table)
    assert measured.summary.unreadable == 1
    assert measured.unknown == ("nobody",)
    assert "does not exist" in measured.to_pandas()["error"][1]


def test_evaluate_refuses_photos_that_are_in_the_gallery(
    collection: bl.Collection, shop: Shop
) -> None:
    leaky = pd.DataFrame({"image": [str(shop.picture(0))], "product_ids": ["p00"]})
    with pytest.raises(bl.TableError, match="allow_leaks=True"):
        bl.evaluate(collection, leaky)
    assert bl.evaluate(collection, leaky, allow_leaks=True).summary.overall.recall1 == 1.0


def test_open_is_ours_and_leaves_pythons_alone() -> None:
    assert bl.open is not builtins.open
    assert open is builtins.open
