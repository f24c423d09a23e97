"""Files are found in whichever normal form the disk has their names."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from beautylens.files.paths import RemotePath, path_in
from beautylens.images.files import read_bytes

NAME = "Crème/Lancôme.jpg"


@pytest.mark.parametrize("disk", ["NFC", "NFD"])
@pytest.mark.parametrize("table", ["NFC", "NFD"])
def test_a_table_finds_its_files_in_either_normal_form(
    tmp_path: Path, disk: str, table: str
) -> None:
    file = tmp_path / unicodedata.normalize(disk, NAME)
    file.parent.mkdir()
    file.touch()
    assert path_in(tmp_path, unicodedata.normalize(table, NAME)).is_file()
    assert path_in(tmp_path, str(tmp_path / unicodedata.normalize(table, NAME))).is_file()
    file.write_bytes(b"data")
    for given in (str(tmp_path / NAME), tmp_path / unicodedata.normalize(table, NAME)):
        assert read_bytes(given) == b"data"


def test_a_name_in_mixed_forms_is_found_and_one_that_comes_later_too(tmp_path: Path) -> None:
    composed, apart = "é à.jpg", unicodedata.normalize("NFD", "é à.jpg")
    mixed = f"é{apart[2:]}"
    assert path_in(tmp_path, composed) == tmp_path / composed
    (tmp_path / mixed).touch()
    for name in (composed, apart):
        assert path_in(tmp_path, name) == tmp_path / mixed
    # The very name comes before one that only means the same.
    (tmp_path / composed).touch()
    assert path_in(tmp_path, composed) == tmp_path / composed


@pytest.mark.parametrize("name", ["é" * 200 + ".jpg", "é/../x.jpg", "no/é.jpg"])
def test_a_name_that_leads_nowhere_stays_as_it_is(tmp_path: Path, name: str) -> None:
    assert path_in(tmp_path, name) == tmp_path / name


def test_object_storage_tells_the_forms_apart(tmp_path: Path) -> None:
    apart = unicodedata.normalize("NFD", "é.jpg")
    assert path_in(RemotePath("s3://bucket"), apart) == RemotePath(f"s3://bucket/{apart}")
