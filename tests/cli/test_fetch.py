"""From the challenge's lists on a web server to a measured submission, as a user would type it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer import BadParameter

from beautylens.cli import app
from beautylens.collection import Collection
from beautylens.errors import TableError
from tests.catalogue import beauty
from tests.catalogue.web import Handler, Web, serving
from tests.cli.test_cli import one_line
from tests.conftest import Shop


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("NO_PROXY", "*")
    with serving() as server:
        yield server


def run(*arguments: object) -> object:
    return app([*map(str, arguments)], standalone_mode=False)


def fetch(*arguments: object) -> object:
    return run("fetch", "perfect500k", *arguments, "--rate", 10_000)


def test_fetch_writes_a_catalogue_says_what_it_did_and_goes_on(
    web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    addresses = tmp_path / "metadata_public.csv"
    paths = ("ok", "404", "png", "html")
    addresses.write_text("".join(f"n000000{n},{web.url(p)}\n" for n, p in enumerate(paths)))
    titles = tmp_path / "training_public.csv"
    titles.write_text("image,title\nn0000002,Day Cream\n")
    out = tmp_path / "out"
    assert fetch(addresses, titles, out, "--limit", 2) is None
    assert "1 downloaded, 0 already there, 1 dead link" in one_line(capsys.readouterr().err)
    assert fetch(addresses, titles, out, "--connections", 2) is None
    told = capsys.readouterr()
    assert told.out == ""
    assert f"1 downloaded, 1 already there, 2 dead links ({out}/dead.csv)." in one_line(told.err)
    assert f"Next, index 2 pictures: beautylens index {out}/catalogue.csv" in one_line(told.err)
    with (out / "catalogue.csv").open(newline="") as file:
        rows = [(row["product_id"], row["name"]) for row in csv.DictReader(file)]
    assert rows == [("n0000000", ""), ("n0000002", "Day Cream")]
    web.answers["404"] = web.answers["ok"]
    fetch(addresses, out, "--retry-dead")
    assert "1 downloaded, 2 already there, 1 dead link" in one_line(capsys.readouterr().err)
    assert web.asked["/ok"] == 1


def test_fetch_says_what_the_next_run_will_ask_again(
    web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web.answers["away"] = lambda handler: handler.give(b"", 503, Retry_After="9000")
    table = tmp_path / "list.csv"
    table.write_text(f"n0000000,{web.url('away')}\nn0000001,{web.url('ok')}\n")
    fetch(table, tmp_path / "out")
    told = one_line(capsys.readouterr().err)
    assert "0 downloaded, 0 already there, 1 dead link" in told
    assert "to retry 1 with temporary errors and 1 that were not tried" in told
    assert "Next, index" not in told


def test_a_wrong_list_is_refused_before_anything_is_asked(web: Web, tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text(f"n0000000,{web.url('ok')}\nn0000000,{web.url('ok')}\n")
    with pytest.raises(TableError, match="rows 1 and 2 both hold id n0000000"):
        fetch(table, tmp_path / "out")
    assert not web.asked
    assert not (tmp_path / "out").exists()


def test_a_fetched_catalogue_is_indexed_searched_and_measured_as_the_challenge_does(
    web: Web, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def picture(number: int) -> None:
        def give(handler: Handler) -> None:
            handler.give(shop.picture(number).read_bytes())

        web.answers[f"{number}.jpg"] = give

    for number in range(8):
        picture(number)
    table = tmp_path / "list.csv"
    table.write_text("".join(f"n000000{n},{web.url(f'{n}.jpg')}\n" for n in range(8)))
    fetch(table, tmp_path / "out")
    lens = tmp_path / "challenge.lens"
    run("index", tmp_path / "out" / "catalogue.csv", lens)
    photos = tmp_path / "validation"
    photos.mkdir()
    for number in range(3):
        shutil.copy(shop.photo(number), photos / f"v00010{number}.jpg")
    capsys.readouterr()
    run("search", lens, photos, "--format", "challenge")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[:2] for line in lines] == [
        [f"v00010{n}", f"n000000{n}"] for n in range(3)
    ]
    truth = tmp_path / "validation.csv"
    header = "\ufeffValidation Image ID,Training Image ID\r\n"
    truth.write_text(header + "".join(f"v00010{n},n000000{n}\r\n" for n in range(3)))
    run("evaluate", lens, truth, "--json")
    figures = json.loads(capsys.readouterr().out)
    # The slow way round: the submission's own lines against the truth, one right product each.
    places = [line.split(",").index(f"n000000{n}") for n, line in enumerate(lines)]
    assert figures["overall"]["map7_challenge"] == sum(1 / place for place in places) / 3
    assert figures["overall"]["queries"] == 3


def test_open_beauty_facts_is_fetched_with_a_benchmark(
    web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web.answers["1.400.jpg"] = web.answers["ok"]
    web.answers["2.400.jpg"] = web.answers["png"]
    photos = {"1": beauty.photo(), "2": beauty.photo()}
    products = [beauty.product(f"{n + 10**12}", images=photos) for n in range(8)]
    products += [beauty.product(""), beauty.product("1", brands_tags=[])]
    export = beauty.write_parquet(tmp_path / "b.parquet", products).read_bytes()
    web.answers["beauty.parquet"] = lambda handler: handler.give(export)
    out = tmp_path / "out"
    run(
        "fetch", "open-beauty-facts", out, "--export", web.url("beauty.parquet"), "--benchmark",
        "--pictures-at", web.url(""), "--contact", "shop@example.org", "--rate", 10_000,
        "--country", "France", "--category", "face", "--brand", "L'Oréal", "--limit", 7,
    )  # fmt: skip
    told = one_line(capsys.readouterr().err)
    assert f"14 downloaded, 0 already there, 0 dead links ({out}/dead.csv)." in told
    assert f"Next, index 7 pictures: beautylens index {out}/catalogue.csv" in told
    counts = [int(count) for count in re.findall(r"evaluate on (\d+) photos", told)]
    assert sum(counts) == 7
    assert f"beautylens evaluate COLLECTION {out}/truth_dev.csv" in told
    assert all("(shop@example.org)" in str(agent) for agent in web.agents)
    run(
        "fetch", "open-beauty-facts", out, "--export", out / "beauty.parquet",
        "--pictures-at", web.url(""), "--rate", 10_000, "--brand", "L'Oréal",
    )  # fmt: skip
    told = one_line(capsys.readouterr().err)
    assert "Left out: 1 without a code, 1 not asked for." in told
    assert "1 downloaded, 7 already there, 0 dead" in told
    assert web.asked["/beauty.parquet"] == 1


@pytest.mark.parametrize("contact", ["a\r\nCookie: b", "Crème"])
def test_a_contact_that_no_request_can_carry_is_refused(tmp_path: Path, contact: str) -> None:
    with pytest.raises(BadParameter, match="give an e-mail or web address in ASCII"):
        run("fetch", "open-beauty-facts", tmp_path, "--contact", contact)


def test_a_submission_has_a_line_for_every_photo_read_or_not(
    collection: Collection, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "test"
    photos.mkdir()
    for number in (0, 2):
        shutil.copy(shop.photo(number), photos / f"t000{number}.jpg")
    (photos / "t0001.jpg").write_bytes(b"not a picture")
    assert run("search", collection.gallery.address, photos, "--format", "challenge") == 1
    first, unread, last = (line.split(",") for line in capsys.readouterr().out.splitlines())
    assert unread == ["t0001"]
    for line, test, product in ((first, "t0000", "p00"), (last, "t0002", "p02")):
        assert line[:2] == [test, product]
        assert len(line) == 8
        assert len(set(line[1:])) == 7


def test_a_benchmark_on_this_disk_becomes_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("train/cola/a.jpg", "train/tea/a.jpg", "test/cola/b.jpg"):
        (tmp_path / "rp2k" / name).parent.mkdir(parents=True)
        (tmp_path / "rp2k" / name).write_bytes(b"")
    run("fetch", "benchmark", "rp2k", tmp_path / "rp2k", tmp_path / "out")
    assert (tmp_path / "out" / "truth.csv").read_text().splitlines() == [
        "image,product_ids,kind",
        "../rp2k/test/cola/b.jpg,cola,",
    ]
    said = one_line(capsys.readouterr().err)
    assert "2 products, 2 pictures, 1 query photo." in said
    assert f"beautylens evaluate COLLECTION {tmp_path / 'out' / 'truth.csv'}" in said
    with pytest.raises(TableError, match="there is no benchmark 'coco'"):
        run("fetch", "benchmark", "coco", tmp_path / "rp2k", tmp_path / "out")
