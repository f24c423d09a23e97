"""Answers of people: kept only where it was asked for, in a table that training reads."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from beautylens.catalogue.truth import read_truth
from beautylens.serve.kept import answers as feedback
from beautylens.serve.kept.answers import Answers
from beautylens.serve.problems import HTTPProblem
from tests.conftest import Shop
from tests.serve.conftest import Opened


def with_place(path: Path) -> bytes:
    """The photo with the place where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    file = io.BytesIO()
    Image.open(path).save(file, "JPEG", exif=exif, quality=95)
    return file.getvalue()


def test_without_a_folder_nothing_is_kept(opened: Opened, shop: Shop) -> None:
    client = opened()
    answer = client.post("/v1/feedback", files={"image": shop.photo(0).read_bytes()})
    assert answer.status_code == 403
    assert client.get("/v1/collection").json()["feedback"] is False


def test_an_answer_becomes_a_row_of_a_truth_table(
    opened: Opened, shop: Shop, tmp_path: Path
) -> None:
    client = opened(keep=tmp_path / "kept")
    photo = with_place(shop.photo(0))
    assert b"Exif" in photo
    for product in ("p01", "p00"):  # the second thought counts
        answer = client.post("/v1/feedback", files={"image": photo}, data={"product_id": product})
        assert answer.status_code == 204
    cut = client.post(
        "/v1/feedback", files={"image": photo}, data={"crop": "90,90,300,380", "none": "true"}
    )
    assert cut.status_code == 204
    first, second = read_truth(tmp_path / "kept" / "answers.csv")
    assert (first.product_ids, second.product_ids) == ({"p00"}, frozenset())
    assert b"Exif" not in first.image.read_bytes()
    assert Image.open(second.image).size == (300, 380)


def test_an_answer_names_a_product_that_there_is(
    opened: Opened, shop: Shop, tmp_path: Path
) -> None:
    client = opened(keep=tmp_path / "kept")
    answer = client.post(
        "/v1/feedback",
        files={"image": shop.photo(0).read_bytes()},
        data={"product_id": "p99"},
    )
    assert answer.status_code == 404
    assert not (tmp_path / "kept" / "answers.csv").exists()


@pytest.mark.parametrize("count", [12])
def test_answers_given_at_the_same_time_are_all_kept(tmp_path: Path, count: int) -> None:
    def keep(number: int) -> None:
        Answers(tmp_path).keep(bytes([number]), f"p{number}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(keep, range(count)))
    found = {product for row in read_truth(tmp_path / "answers.csv") for product in row.product_ids}
    assert found == {f"p{number}" for number in range(count)}


def test_no_more_answers_are_kept_than_there_is_room_for(
    opened: Opened, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "MOST", 1)
    client = opened(keep=tmp_path / "kept")
    statuses = [
        client.post(
            "/v1/feedback", files={"image": shop.photo(n).read_bytes()}, data={"none": "true"}
        ).status_code
        for n in (0, 1, 0)
    ]
    assert statuses == [204, 507, 204]
    assert len(list((tmp_path / "kept" / "photos").iterdir())) == 1


def test_no_more_bytes_are_kept_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "MOST_BYTES", 150)
    answers = Answers(tmp_path)
    answers.keep(bytes(100), "p1")
    with pytest.raises(HTTPProblem, match="MiB of photos is reached"):
        answers.keep(bytes(range(100)), "p2")
    answers.keep(bytes(100), "p2")
    assert [row.product_ids for row in read_truth(answers.table)] == [frozenset({"p2"})]


def test_what_people_sent_is_for_this_user_alone(tmp_path: Path) -> None:
    answers = Answers(tmp_path / "kept")
    answers.keep(b"a photo", "p1")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "kept").rglob("*")}
    assert modes.pop("photos") == (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
    del modes[".writing"]
    assert set(modes.values()) == {0o600}
    assert len(modes) == 2


def test_an_id_that_the_table_could_not_hold_is_refused(
    opened: Opened, shop: Shop, tmp_path: Path
) -> None:
    client = opened(keep=tmp_path / "kept")
    photo = shop.photo(0).read_bytes()
    answer = client.post("/v1/feedback", files={"image": photo}, data={"product_id": "p00;p01"})
    assert answer.status_code == 422


@pytest.mark.parametrize("said", [{}, {"product_id": "p00", "none": "true"}])
def test_an_answer_says_either_a_product_or_none(
    opened: Opened, shop: Shop, tmp_path: Path, said: dict[str, str]
) -> None:
    client = opened(keep=tmp_path / "kept")
    photo = shop.photo(0).read_bytes()
    answer = client.post("/v1/feedback", files={"image": photo}, data=said)
    assert answer.status_code == 422
    assert "none=true" in answer.json()["detail"]
