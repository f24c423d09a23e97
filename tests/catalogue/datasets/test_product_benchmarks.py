"""Public product benchmarks: each layout in miniature becomes the tables that are read next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from beautylens.catalogue.datasets.product_benchmarks import LAYOUTS, Written, write_benchmark
from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import read_truth
from beautylens.errors import QueryError, TableError


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def sop(folder: Path) -> None:
    put(folder, *(f"mug_final/{name}.JPG" for name in ("1_0", "1_1", "1_2", "2_0")))
    put(folder, "lamp_final/3_0.JPG", "lamp_final/3_1.JPG")
    lines = ["image_id class_id super_class_id path"]
    for number, (product, path) in enumerate(
        [
            ("11319", "mug_final/1_0.JPG"), ("11319", "mug_final/1_1.JPG"),
            ("11319", "mug_final/1_2.JPG"), ("11320", "mug_final/2_0.JPG"),
            ("11321", "lamp_final/3_0.JPG"), ("11321", "lamp_final/3_1.JPG"),
        ],
        59552,
    ):  # fmt: skip
        lines.append(f"{number} {product} 1 {path}")
    (folder / "Ebay_test.txt").write_text("\n".join(lines) + "\n")


def products10k(folder: Path) -> None:
    put(folder, "train/1.jpg", "train/2.jpg", "train/3.jpg", "test/8.jpg", "test/9.jpg")
    (folder / "train.csv").write_text("name,class,group\n1.jpg,0,7\n2.jpg,0,7\n3.jpg,4,8\n")
    (folder / "test_kaggletest.csv").write_text(
        "name,class,Usage\n8.jpg,4,Public\n9.jpg,77,Private\n"
    )


def rp2k(folder: Path) -> None:
    put(folder / "all", "train/牙膏 90g/a.jpg", "train/牙膏 90g/b.jpg", "train/cola/a.jpg")
    put(folder / "all", "test/牙膏 90g/c.jpg", "test/cola/b.jpg")


def instre(folder: Path) -> None:
    put(folder, *(f"INSTRE-S1/01a_canada_book/{n:03}.jpg" for n in range(1, 8)))
    put(folder, *(f"INSTRE-S1/01b_mug/{n:03}.jpg" for n in range(1, 4)))
    put(folder, "INSTRE-S1/01b_mug/001.txt", "INSTRE-S2/02_toy/001.jpg", "INSTRE-S2/02_toy/002.jpg")
    put(folder, "INSTRE-M/1/107.jpg")


def ilias(folder: Path) -> None:
    put(folder / "ilias_core/bold_bimp_000", "query/Q000_00.jpg", "query/Q000_00_bbox.txt")
    put(folder / "ilias_core/bold_bimp_000", "pos/P000_00.jpg", "pos/P000_01.jpg")
    put(folder / "ilias_core/zippy_999", "query/Q999_00.jpg", "query/T999.txt", "pos/P999_00.jpg")


FIXTURES: dict[str, Callable[[Path], None]] = {
    "sop": sop,
    "products10k": products10k,
    "rp2k": rp2k,
    "instre": instre,
    "ilias": ilias,
}


@pytest.fixture(params=sorted(LAYOUTS))
def layout(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    FIXTURES[request.param](tmp_path / "set")
    return str(request.param)


def tables(layout: str, folder: Path, **options: int) -> tuple[Written, list, list]:
    """What was written, the catalogue's rows, and the photos with their products."""
    written = write_benchmark(layout, folder / "set", folder / "out", **options)
    catalogue = read_catalogue(folder / "out" / "catalogue.csv")
    rows = [
        (row["product_id"], str(catalogue.image_path(row["image"]).resolve().relative_to(folder)))
        for row in catalogue.rows.to_pylist()
    ]
    truth = [
        (str(row.image.resolve().relative_to(folder)), *row.product_ids)
        for row in read_truth(folder / "out" / "truth.csv")
    ]
    return written, rows, truth


def test_every_picture_is_there_and_none_is_both_listed_and_asked(
    layout: str, tmp_path: Path
) -> None:
    written, rows, truth = tables(layout, tmp_path)
    assert (written.pictures, written.queries) == (len(rows), len(truth))
    assert written.products == len({product for product, _ in rows})
    paths = {path for _, path in rows}
    assert all((tmp_path / path).is_file() for path in paths)
    assert all((tmp_path / path).is_file() for path, _ in truth)
    assert paths.isdisjoint(path for path, _ in truth)
    assert {product for _, product in truth} <= {product for product, _ in rows}


def test_only_the_first_products_are_used_where_a_limit_is_given(
    layout: str, tmp_path: Path
) -> None:
    written, rows, _ = tables(layout, tmp_path, limit=1)
    assert written.products == 1
    assert len({product for product, _ in rows}) == 1
    with pytest.raises(QueryError, match="limit"):
        write_benchmark(layout, tmp_path / "set", tmp_path / "out", limit=0)


def test_another_folder_is_told_what_the_layout_needs(layout: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError, match=rf"does not exist; a folder of '{layout}' has `"):
        write_benchmark(layout, tmp_path / "empty", tmp_path / "out")


def test_a_benchmark_without_a_photo_of_what_it_lists_is_refused(tmp_path: Path) -> None:
    rp2k(tmp_path / "set")
    for path in (tmp_path / "set/all/test").rglob("*.jpg"):
        path.unlink()
    with pytest.raises(TableError, match="none of its query photos is of a product that it lists"):
        write_benchmark("rp2k", tmp_path / "set", tmp_path / "out")


def test_an_unknown_benchmark_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="choose one of sop, products10k, rp2k, instre, ilias"):
        write_benchmark("coco", tmp_path, tmp_path / "out")


def test_the_first_picture_of_a_stanford_product_is_its_query(tmp_path: Path) -> None:
    sop(tmp_path / "set")
    _, rows, truth = tables("sop", tmp_path)
    assert truth == [
        ("set/mug_final/1_0.JPG", "11319"),
        ("set/lamp_final/3_0.JPG", "11321"),
    ]
    # A product with one picture is in the catalogue alone.
    assert ("11320", "set/mug_final/2_0.JPG") in rows
    assert "lamp" in (tmp_path / "out" / "truth.csv").read_text()


def test_the_test_photos_of_products_10k_are_asked_if_their_class_is_listed(
    tmp_path: Path,
) -> None:
    products10k(tmp_path / "set")
    _, rows, truth = tables("products10k", tmp_path)
    assert truth == [("set/test/8.jpg", "4")]
    assert rows == [("0", "set/train/1.jpg"), ("0", "set/train/2.jpg"), ("4", "set/train/3.jpg")]
    (tmp_path / "set" / "train.csv").write_text("file,label\n")
    with pytest.raises(TableError, match="has no column class; is it of Products-10K"):
        write_benchmark("products10k", tmp_path / "set", tmp_path / "out")


def test_a_picture_of_a_pair_of_instre_is_a_picture_of_both(tmp_path: Path) -> None:
    instre(tmp_path / "set")
    _, rows, truth = tables("instre", tmp_path)
    paired = [product for product, path in rows if path == "set/INSTRE-M/1/107.jpg"]
    assert paired == ["S1-01a_canada_book", "S1-01b_mug"]
    asked = [path for path, product in truth if product == "S1-01a_canada_book"]
    assert asked == [f"set/INSTRE-S1/01a_canada_book/{n:03}.jpg" for n in range(1, 6)]
    assert len([path for path, product in truth if product == "S1-01b_mug"]) == 2


def test_ilias_asks_with_the_clean_pictures_and_names_the_objects(tmp_path: Path) -> None:
    ilias(tmp_path / "set")
    _, _, truth = tables("ilias", tmp_path)
    assert truth == [
        ("set/ilias_core/bold_bimp_000/query/Q000_00.jpg", "bold_bimp_000"),
        ("set/ilias_core/zippy_999/query/Q999_00.jpg", "zippy_999"),
    ]
    assert ",bold bimp," in (tmp_path / "out" / "catalogue.csv").read_text()
