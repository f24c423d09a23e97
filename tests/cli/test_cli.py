"""The command line from end to end, as a user would type it."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image

from beautylens import __version__
from beautylens.cli import demo as demo_command
from beautylens.cli import main
from beautylens.cli.console import console
from beautylens.cli.verbs import VERBS, command_of
from beautylens.collection import Collection
from beautylens.sample import draw_plan, plan_sample
from beautylens.sample.barcode import draw_barcode
from tests.conftest import Shop, catalogue_rows, make_shop, write_table

Done = subprocess.CompletedProcess[str]
WIDE = 200


def run(*arguments: object, code: int = 0) -> Done:
    """Run a command in this process, which spares it the imports."""
    command = ["beautylens", *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        patch.object(sys, "argv", command),
        patch.object(console, "_width", WIDE),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    done = Done(command, int(ended.value.code or 0), out.getvalue(), err.getvalue())
    assert done.returncode == code, done.stderr
    return done


def start(*arguments: object) -> Done:
    """Run a command in a process of its own; nothing but its answers may reach stdout."""
    command = [sys.executable, "-c", "from beautylens.cli import main; main()"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True, text=True, check=True,
        env={**os.environ, "COLUMNS": str(WIDE), "NO_COLOR": "1"},
    )  # fmt: skip


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def lens(collection: Collection) -> str:
    return collection.gallery.address


def test_index_search_add_remove_and_info_in_turn(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 6)
    lens = tmp_path / "shop.lens"
    done = start("index", shop.table, lens)
    assert done.stdout == ""
    assert "6 products, 6 pictures." in done.stderr
    assert "In the table: name 6/6, brand 6/6, category 0/6, gtin 0/6 usable." in done.stderr
    assert "Skipped 6 pictures already in the collection" in run("index", shop.table, lens).stderr
    answer = json.loads(start("search", lens, shop.photo(0), "--format", "json").stdout)
    assert answer["matches"][0]["product_id"] == "p00"
    assert "Removed 1 product (1 picture)." in run("remove", lens, "p00").stderr
    answer = json.loads(run("search", lens, shop.photo(0), "--format", "json").stdout)
    assert "p00" not in [match["product_id"] for match in answer["matches"]]
    again = write_table(shop.folder / "again.csv", catalogue_rows(1))
    assert "Indexed 1 picture in" in run("add", lens, again).stderr
    facts = json.loads(run("info", lens, "--json").stdout)
    assert (facts["images"], facts["products"], facts["recipe"]) == (6, 6, "default")
    assert len(facts["encoder_fingerprint"]) == 16
    assert facts["bytes"] > 10_000
    assert "shade" in run("info", lens).stderr


def test_json_has_the_documented_keys_and_one_object_a_line(lens: str, shop: Shop) -> None:
    done = run("search", lens, shop.photo(0), shop.photo(1), "-k", 3, "--format", "json")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["query"] for answer in answers] == [str(shop.photo(0)), str(shop.photo(1))]
    for answer in answers:
        assert set(answer) == {
            "query", "verdict", "probability", "question", "matches", "milliseconds",
        }  # fmt: skip
        assert len(answer["matches"]) == 3
        assert set(answer["matches"][0]) == {
            "product_id", "name", "brand", "category", "gtin", "metadata", "image", "score",
            "probability", "reasons", "against",
        }  # fmt: skip
        assert set(answer["matches"][0]["reasons"]) == {
            "visual", "local", "inliers", "colour", "text", "typed", "words", "barcode",
            "batch", "expiry",
            "text_agreement",
            "contradiction",
        }  # fmt: skip
        assert set(answer["milliseconds"]) == {
            "decode", "describe", "retrieve", "expand", "match_code", "verify", "find_by_words",
            "expand_by_name", "compare", "read", "compare_text", "score", "total",
        }  # fmt: skip


def test_photos_of_one_product_are_one_answer(lens: str, shop: Shop) -> None:
    photos = [shop.photo(1), shop.photo(1)]
    done = run("search", lens, *photos, "--together", "--format", "json")
    (line,) = done.stdout.splitlines()
    answer = json.loads(line)
    assert answer["query"] == f"{photos[0]} + {photos[1]}"
    assert answer["matches"][0]["product_id"] == "p01"


def test_a_folder_means_its_photos_and_nothing_else(
    collection: Collection, shop: Shop, tmp_path: Path
) -> None:
    for name in ("01.jpg", "00.jpg"):
        shutil.copy(shop.folder / "photos" / name, tmp_path / name)
    for name in ("notes.txt", ".hidden.jpg", "truth.csv"):
        (tmp_path / name).write_text("no photo")
    done = run("search", collection.gallery.address, tmp_path, "--format", "challenge")
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == ["00", "01"]


def test_a_bad_photo_is_an_error_line_and_the_others_go_on(
    lens: str, shop: Shop, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"not a picture")
    done = run(
        "search", lens, bad, tmp_path / "gone.jpg", shop.photo(2), "--format", "json", code=1
    )
    broken, gone, good = (json.loads(line) for line in done.stdout.splitlines())
    assert set(broken) == {"query", "error"} == set(gone)
    assert "bad.jpg" in broken["error"]
    assert "gone.jpg does not exist" in gone["error"]
    assert good["matches"][0]["product_id"] == "p02"


def test_csv_challenge_and_table_formats(lens: str, shop: Shop) -> None:
    rows = list(
        csv.DictReader(io.StringIO(run("search", lens, shop.photo(0), "--format", "csv").stdout))
    )
    assert [row["rank"] for row in rows] == list("1234567")
    assert rows[0]["product_id"] == "p00"
    line = run("search", lens, shop.folder / "photos", "--format", "challenge").stdout.splitlines()
    assert len(line) == 4
    assert line[0].split(",")[:2] == ["00", "p00"]
    assert all(len(fields.split(",")) == 8 for fields in line)
    table = run("search", lens, shop.photo(0))
    assert table.stdout == ""
    assert "Aurelle" in table.stderr


def test_a_filter_that_nothing_meets_is_said_and_is_a_row(lens: str, shop: Shop) -> None:
    options = ("search", lens, shop.photo(0), "--where", "brand = 'Nobody'")
    assert "no product passes the filter" in run(*options).stderr
    (row,) = csv.DictReader(io.StringIO(run(*options, "--format", "csv").stdout))
    assert row["query"] == str(shop.photo(0))
    assert row["product_id"] == ""


def test_an_empty_collection_is_said_to_be_empty(lens: str, shop: Shop, tmp_path: Path) -> None:
    empty = shutil.copytree(lens, tmp_path / "empty.lens")
    run("remove", empty, *(f"p{number:02}" for number in range(12)))
    told = run("search", empty, shop.photo(0)).stderr
    assert "the collection is empty" in told
    assert "filter" not in told


def test_a_blank_photo_is_an_error_and_a_csv_row(lens: str, shop: Shop, tmp_path: Path) -> None:
    Image.new("RGB", (300, 300), (9, 9, 9)).save(tmp_path / "black.png")
    done = run("search", lens, tmp_path / "black.png", shop.photo(0), "--format", "csv", code=1)
    assert "black.png has a single colour" in done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert "single colour" in rows[0]["error"]
    assert [row["rank"] for row in rows] == ["", *"1234567"]


def test_words_and_barcodes_that_found_nothing_are_named(
    lens: str, shop: Shop, tmp_path: Path
) -> None:
    said = run("search", lens, shop.photo(0), "--words", "zzz qqq").stderr
    assert "No match contains any of the words 'zzz qqq'" in said
    photo = Image.open(shop.photo(0)).convert("RGB")
    photo.paste(Image.fromarray(draw_barcode("4006381333931", 3, 150)), (0, 0))
    photo.save(tmp_path / "coded.png")
    said = run("search", lens, tmp_path / "coded.png").stderr
    assert "No product has the barcode 04006381333931" in said
    assert "No product" not in run("search", lens, shop.photo(0), "--words", "aurelle").stderr


@pytest.mark.parametrize("style", ["table", "json"])
def test_a_folder_without_photos_is_an_error_and_stops_no_other(
    lens: str, shop: Shop, tmp_path: Path, style: str
) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    for photos in ([tmp_path], [tmp_path, shop.photo(0)]):
        done = run("search", lens, *photos, "--format", style, code=1)
        assert f"error: {tmp_path} contains no photos; give another folder" in one_line(done.stderr)
        assert done.stdout.count("p00") == (style == "json" and len(photos) > 1)


@pytest.mark.parametrize("recipe", ["default", "fast"])
def test_a_catalogue_without_a_readable_picture_ends_with_its_first_path_and_reason(
    tmp_path: Path, recipe: str
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("product_id,image\np1,gone.jpg\np2,lost.jpg\n")
    done = run("index", table, tmp_path / "a.lens", "--recipe", recipe, code=1)
    assert "none of the 2 pictures" in done.stderr
    assert f"the first: {tmp_path / 'gone.jpg'} does not exist" in one_line(done.stderr)


def test_evaluate_names_the_first_photo_that_it_cannot_read_and_fails_without_any(
    lens: str, shop: Shop, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.csv"
    lost = "gone.jpg,p00\nlost.jpg,p01\n"
    truth.write_text(f"image,product_ids\n{lost}{shop.photo(2)},p02\n")
    said = one_line(run("evaluate", lens, truth, "--leave-out").stderr)
    assert f"Could not be read: 2 photos; the first: {tmp_path / 'gone.jpg'} does not exist" in said
    truth.write_text(f"image,product_ids\n{lost}")
    said = one_line(run("evaluate", lens, truth, code=1).stderr)
    assert f"the first: {tmp_path / 'gone.jpg'} does not exist" in said
    assert f"none of the photos of {truth} can be read" in said


def test_after_a_folder_moved_explaining_fails_until_index_finds_the_pictures(
    tmp_path: Path,
) -> None:
    shop = make_shop(tmp_path / "old", 3)
    lens, why = tmp_path / "shop.lens", tmp_path / "why"
    run("index", shop.table, lens, "--recipe", "fast")
    moved = Shop((tmp_path / "old").rename(tmp_path / "new"))
    search = ("search", lens, moved.photo(0), "-k", 1, "--explain", why)
    said = one_line(run(*search, code=1).stderr)
    assert "old/gallery/00.jpg does not exist" in said
    assert "Not explained: 1 match whose catalogue picture could not be read" in said
    said = one_line(run("index", moved.table, lens, "--recipe", "fast").stderr)
    assert "3 moved pictures found at new paths" in said
    run(*search)
    assert (why / "001-00" / "1_p00.png").is_file()


def test_a_recipe_that_gives_no_verdict_says_so(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 3)
    lens = tmp_path / "shop.lens"
    run("index", shop.table, lens, "--recipe", "fast")
    truth = write_table(tmp_path / "t.csv", [{"image": str(shop.photo(0)), "product_ids": "p00"}])
    for command in (("search", lens, shop.photo(0)), ("evaluate", lens, truth)):
        assert "No verdicts: recipe 'fast' ranks matches" in one_line(run(*command).stderr)


def test_narrowing_and_explaining(lens: str, shop: Shop, tmp_path: Path) -> None:
    options = ("--where", "brand = 'Nordlys'", "--words", "007", "--crop", "50,50,400,500")
    done = run(
        "search", lens, shop.photo(1), *options, "-k", 2, "--explain", tmp_path / "why",
        "--format", "json",
    )  # fmt: skip
    matches = json.loads(done.stdout)["matches"]
    assert all(match["brand"] == "Nordlys" for match in matches)
    drawn = sorted(path.name for path in (tmp_path / "why" / "001-01").iterdir())
    assert drawn == [
        *(f"{n}_{m['product_id']}.png" for n, m in enumerate(matches, 1)), "photo.png",
    ]  # fmt: skip
    page = (tmp_path / "why" / "index.html").read_text("utf-8")
    shown = re.findall(r'src="([^"]+)"', page)
    assert {f"001-01/{name}" for name in drawn} == set(shown)
    assert all(html.escape(match["name"]) in page for match in matches)


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("evaluate", ("truth.csv", "--report", "s3://bucket/report")),
        ("search", ("photo.jpg", "--explain", "gs://bucket/why")),
        ("duplicates", ("--csv", "s3://bucket/shared.csv")),
    ],
)
def test_what_is_written_to_this_machine_takes_no_address(
    lens: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, options: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "is an address" in one_line(run(verb, lens, *options, code=2).stderr)
    assert not list(tmp_path.iterdir())


def test_a_crop_beside_one_photo_and_an_address_do_not_stop_the_others(
    lens: str, shop: Shop
) -> None:
    done = run(
        "search", lens, "https://shop.example/x.jpg", shop.photo(0), shop.picture(1),
        "--crop", "350,10,160,500", "--format", "json", code=1,
    )  # fmt: skip
    address, photo, picture = (json.loads(line) for line in done.stdout.splitlines())
    assert address["query"] == "https://shop.example/x.jpg"
    assert "is an address, not a file" in address["error"]
    assert len(photo["matches"]) == 7
    assert "lies outside the picture of 300 x 400" in picture["error"]


def test_the_demo_draws_indexes_searches_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = plan_sample(2026).first(12, 4)
    monkeypatch.setattr(
        demo_command, "write_sample_catalogue",
        lambda folder, progress: draw_plan(small, folder, progress=progress),
    )  # fmt: skip
    demo_command.demo(tmp_path / "demo")
    said = one_line(capsys.readouterr().err)
    assert "Indexed 12 pictures in" in said
    assert "mAP@7" in said
    assert str(tmp_path / "demo" / "report" / "index.html") in said
    assert (tmp_path / "demo" / "report" / "index.html").is_file()
    demo_command.demo(tmp_path / "demo")


def test_evaluate_prints_figures_refuses_leaks_and_writes_the_report(
    lens: str, shop: Shop, tmp_path: Path
) -> None:
    truth = write_table(
        shop.folder / "truth.csv",
        [
            {"image": f"photos/{n:02}.jpg", "product_ids": "" if n == 3 else f"p{n:02}", "kind": ""}
            for n in range(4)
        ],
    )
    done = run("evaluate", lens, truth, "--report", tmp_path / "report", "--json")
    figures = json.loads(done.stdout)
    assert figures["overall"]["map7_challenge"] == 1.0
    assert figures["overall"]["queries"] == 3
    assert figures["without_truth"] == 1
    assert (tmp_path / "report" / "index.html").stat().st_size > 2000
    leaky = write_table(
        shop.folder / "leaky.csv", [{"image": "gallery/00.jpg", "product_ids": "p00"}]
    )
    refused = run("evaluate", lens, leaky, code=1)
    assert "1 of 1 photos is also in the gallery" in one_line(refused.stderr)
    run("evaluate", lens, leaky, "--allow-leaks")
    refused = run("evaluate", lens, truth, "--calibrate", "--json", code=1)
    assert "--calibrate cannot be combined with --report" in refused.stderr
    unknown = write_table(
        shop.folder / "unknown.csv", [{"image": "photos/00.jpg", "product_ids": "nobody"}]
    )
    assert "Not in the collection: 1 product" in one_line(run("evaluate", lens, unknown).stderr)


def test_results_are_compared_and_repeated(lens: str, shop: Shop, tmp_path: Path) -> None:
    rows = [{"image": f"photos/{n:02}.jpg", "product_ids": f"p{n:02}"} for n in range(3)]
    truth = write_table(shop.folder / "compared.csv", rows)
    one, other = tmp_path / "one", tmp_path / "other.csv"
    said = one_line(run("evaluate", lens, truth, "--results", one, "--per-photo", other).stderr)
    assert f"Results: {one / 'results.json'}" in said
    compared = one_line(run("evaluate", "--compare", one / "photos.csv", one).stderr)
    assert "B minus A on 3 photos" in compared
    assert "mAP@7 (challenge)" in compared
    assert "+0.0000" in compared
    refused = one_line(run("evaluate", "--compare", one, truth, code=1).stderr)
    assert "has no column left_out" in refused
    assert "values are what they were" in one_line(run("evaluate", "--replay", one).stderr)
    text = (one / "results.json").read_text()
    (one / "results.json").write_text(text.replace('"map7_all": 1.0', '"map7_all": 0.5', 1))
    refused = one_line(run("evaluate", "--replay", one, code=1).stderr)
    assert "figures overall map7_all was 0.5, is 1.0" in refused
    assert "1 of" in refused
    both = one_line(run("evaluate", lens, "--replay", one, code=1).stderr)
    assert "take results alone" in both
    assert "--compare A B" in one_line(run("evaluate", lens, code=2).stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("search", "{none}", "x.jpg"), "there is no collection at"),
        (("index", "{none}.csv", "{tmp}/c"), "does not exist"),
        (("index", "{table}", "{table}/c"), "cannot be created (Not a directory)"),
        (("index", "{table}", "{tmp}/c", "--recipe", "defualt"), "there is no recipe 'defualt'"),
        (("index", "{table}", "{tmp}/c", "--encoder", "resnet.onnx"), "no such encoder file"),
        (("search", "{lens}", "{photo}", "--crop", "1,2,3"), "is not four whole numbers"),
        (("search", "{lens}", "{photo}", "--where", "colour = 1"), "the columns are"),
        (("evaluate", "{lens}", "{none}.csv"), "does not exist"),
        (("remove", "{lens}", "nobody"), "has no product 'nobody'"),
        (("remove", "{lens}", "no", "no"), "has no product 'no'"),
        (("demo", "{shop}"), "is not empty and holds no earlier demo"),
    ],
)
def test_every_mistake_is_one_sentence_on_stderr(
    arguments: tuple[str, ...], message: str, lens: str, shop: Shop, tmp_path: Path
) -> None:
    names = {
        "none": tmp_path / "none", "tmp": tmp_path, "table": shop.table, "lens": lens,
        "photo": shop.photo(0), "shop": shop.folder,
    }  # fmt: skip
    done = run(*(argument.format(**names) for argument in arguments), code=1)
    *_, last = done.stderr.splitlines()
    assert last.startswith("error:")
    assert message in last
    assert done.stdout == ""


def test_a_command_line_that_is_not_understood_is_one_sentence_too(lens: str) -> None:
    for arguments in (("serach",), ("search", lens, "x.jpg", "-k", "0"), ("index",)):
        done = run(*arguments, code=2)
        assert done.stderr.startswith("error:")
        assert len(done.stderr.splitlines()) == 1
    assert "evaluate" in run().stdout
    assert run("--version").stdout == f"beautylens {__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_says_of_each_verb_what_the_verb_says_of_itself(verb: str) -> None:
    said = (command_of(verb).help or "").split("\n")[0]
    assert said == VERBS[verb]


def test_help_imports_no_engine() -> None:
    program = (
        "import sys; from beautylens.cli import app; app(['--help'], standalone_mode=False); "
        "print(*sorted({'numpy', 'lance', 'openvino', 'cv2', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == ""


def test_words_alone_are_searched_for(lens: str) -> None:
    done = run("search", lens, "--words", "nordlys creme 07", "-k", 3, "--format", "json")
    answer = json.loads(done.stdout)
    assert answer["query"] == "nordlys creme 07"
    assert answer["verdict"] is None
    assert answer["matches"][0]["product_id"] == "p07"
    assert len(answer["matches"]) == 3
    table = run("search", lens, "--words", "creme 07 a/b").stderr
    assert "creme 07 a/b  (" in table
    assert "p07" in table
    assert "no product has any of these words" in run("search", lens, "--words", "qqqq").stderr


def test_a_search_without_photo_needs_words_and_nothing_to_crop_or_draw(
    lens: str, tmp_path: Path
) -> None:
    assert "give a photo, --words, or both" in one_line(run("search", lens, code=2).stderr)
    for options in (("--crop", "0,0,9,9"), ("--explain", tmp_path / "x")):
        done = run("search", lens, "--words", "creme", *options, code=2)
        assert "need a photo" in one_line(done.stderr)
