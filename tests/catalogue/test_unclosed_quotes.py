"""A quote never swallows rows without a word, and cells of several lines go on working."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from beautylens.catalogue.datasets.perfect500k import read_lists
from beautylens.catalogue.truth import read_truth
from beautylens.errors import TableError
from tests.catalogue.test_readers import read_text

NAMES = "product_id,image,name\n"
LAST = "p9,z.jpg,Powder\n"


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ('p1,a.jpg,"Rouge\np2,b.jpg,Gloss"\n', (2, 3)),
        ('p0,y.jpg,Blush\np1,a.jpg,"Rouge\np2,b.jpg,Gloss\np3,c.jpg,Balm"\n', (3, 5)),
        ('p1,a.jpg,"Rouge\np2,b.jpg,"Gloss, matt"\n', (2, 3)),
        ('p1,"a.jpg,Rouge\np2,b.jpg,Gloss"\n', (2, 3)),
        ('"p1,a.jpg,Rouge\np2",b.jpg,Gloss\n', (2, 3)),
        ('"p1","a.jpg","Rouge\n"p2","b.jpg","Gloss"\n', (2, 3)),
        ('p1,https://shop/a?w=1,"Rouge\np2,https://shop/b?w=1,Gloss"\n', (2, 3)),
        ('p1,a.jpg,"Rouge\np2,,Gloss"\n', (2, 3)),
        ('p1,a,"Rouge\np2,b,Gloss"\n', (2, 3)),
        ('p1,a.jpg,"Rouge, matt\np2,b.jpg,Brush 5"\n', (2, 3)),
        ('p1,"a.jpg,Rouge\np2,b.jpg",Gloss\n', (2, 3)),
        ('"p1,a.jpg,\np2",b.jpg,\n', (2, 3)),
        ('"red,pictures/1,Rouge\nclear",pictures/2,Gloss\n', (2, 3)),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_quote_closed_in_a_later_row_is_refused_with_its_row(
    tmp_path: Path, rows: str, lines: tuple[int, int], line_end: str
) -> None:
    text = (NAMES + rows + LAST).replace("\n", line_end)
    with pytest.raises(TableError) as error:
        read_text(tmp_path, text)
    first, last = lines
    assert (
        f"row {first - 1} (line {first}) opens a quote that nothing closes before line {last}, "
        "so that it swallows rows; close it"
    ) in str(error.value)


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (["product_id", "image", "name", "brand"], "1 pics/a.png A Dior|2 pics/b.png B Mac"),
        (["name", "product_id", "image"], "Oil x1 pics/a.png|Gel x2 pics/b.png"),
        (["product_id", "image", "name", "brand"], "1 pics/a.png A -|2 pics/b.png B -"),
        (["name", "image", "product_id"], "Oil pics/1 sku-a|Gel pics/2 zz"),
        (["image", "product_ids", "ignore_ids"], "q1.jpg 1 -|q2.jpg 2;3 4"),
    ],
)
def test_no_two_quotes_anywhere_in_two_rows_take_a_row_away(
    tmp_path: Path, names: list[str], rows: str
) -> None:
    sound = [[cell.strip("-") for cell in row.split(" ")] for row in rows.split("|")]
    for opened, closed, at_end in product(range(len(names)), range(len(names)), (True, False)):
        one, other = (list(row) for row in sound)
        one[opened] = f'"{one[opened]}'
        other[closed] = f'{other[closed]}"' if at_end else f'"{other[closed]}'
        text = "\n".join(",".join(row) for row in (names, one, other, sound[0]))
        with pytest.raises(TableError):
            read_text(tmp_path, text)


def test_a_quote_among_the_column_names_swallows_no_row(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"the row of column names \(line 1\) opens a quote"):
        read_text(tmp_path, 'product_id,image,"name\np1,a.jpg,Rouge"\n' + LAST)


@pytest.mark.parametrize(
    "cell",
    [
        "one line\nand, with commas, another",
        'a ""quoted"" word\non two lines',
        "Sizes:\n30,50,100",
        "\n\nblank lines\n",
        "see picture b.jpg,\nand more",
        "x" * 200_000 + "\nand the end",
    ],
)
def test_a_cell_of_several_lines_is_read_as_it_stands(tmp_path: Path, cell: str) -> None:
    table = read_text(tmp_path, f'{NAMES}p1,a.jpg,"{cell}"\n{LAST}')
    assert table["name"].to_pylist() == [cell.replace('""', '"'), "Powder"]


@pytest.mark.parametrize(
    "text",
    [
        'name,image\n"Rouge\nmatt",a.jpg\n"Gloss\nclear",b.jpg\n',
        'id,text,image\np1,"Soft.\nAqua, Glycerin",a.jpg\np2,"x\ny, z",b.jpg\n',
        'id,text,image\np1,"Soft, matt.\nAqua, Glycerin",a.jpg\np2,,b.jpg\n',
        'id,image,text\np1,a.jpg,"Shown in b.jpg,\nand, more"\np2,b.jpg,\n',
    ],
)
def test_a_cell_of_several_lines_may_stand_in_any_column(tmp_path: Path, text: str) -> None:
    assert read_text(tmp_path, text).num_rows == 2


def test_a_quote_between_tabs_is_a_letter_like_any_other(tmp_path: Path) -> None:
    rows = ['p1\ta.jpg\t"Naked" palette', 'p2\tb.jpg\t"Rouge', 'p3\tc.jpg\tGloss"']
    table = read_text(tmp_path, "\n".join([NAMES.strip().replace(",", "\t"), *rows]), "t.tsv")
    assert table["name"].to_pylist() == ['"Naked" palette', '"Rouge', 'Gloss"']


def test_cells_between_tabs_are_quoted_where_the_column_names_are(tmp_path: Path) -> None:
    text = '"product_id"\t"image"\t"name"\n"p1"\t"a.jpg"\t"Rouge ""N 5""\tmatt"\n'
    assert read_text(tmp_path, text, "t.tsv").to_pylist() == [
        {"product_id": "p1", "image": "a.jpg", "name": 'Rouge "N 5"\tmatt'}
    ]


def test_cells_between_tabs_are_quoted_where_one_has_to_be(tmp_path: Path) -> None:
    text = 'product_id\timage\tname\np1\ta.jpg\t"two\nlines"\np2\tb.jpg\t"Rouge ""N 5"""\n'
    table = read_text(tmp_path, text, "t.tsv")
    assert table["name"].to_pylist() == ["two\nlines", 'Rouge "N 5"']


def test_a_quote_between_tabs_that_keeps_nothing_together_is_a_letter(tmp_path: Path) -> None:
    table = read_text(tmp_path, 'product_id\timage\tname\np1\ta.jpg\t"Rouge"\n', "t.tsv")
    assert table["name"].to_pylist() == ['"Rouge"']


def test_a_line_break_between_tabs_is_refused_with_its_row(tmp_path: Path) -> None:
    text = "product_id\timage\tname\np1\ta.jpg\ttwo\nlines\n"
    with pytest.raises(TableError, match=r"row 2 has 1 fields.* save the table as \.csv"):
        read_text(tmp_path, text, "t.tsv")


def test_lists_and_answers_of_the_challenge_swallow_no_row_either(tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    path.write_text(
        'n0000001,https://a/1.jpg,"Rouge\nn0000002,https://a/2.jpg,Gloss"\n'
        "n0000003,https://a/3.jpg,Balm\n"
    )
    with pytest.raises(TableError, match="opens a quote that nothing closes before line 2"):
        read_lists([path])
    truth = tmp_path / "validation.csv"
    truth.write_text('Validation Image ID,Training Image ID\nv1,"n1\nv2,n2"\nv3,n3\n')
    with pytest.raises(TableError, match=r"row 1 \(line 2\) opens a quote"):
        read_truth(truth)
