from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beautylens.errors import BeautylensError
from beautylens.evaluation.metrics import QueryResult, summarise
from beautylens.evaluation.report import write_report
from beautylens.reasons import Reasons
from beautylens.results import Match, Matches, Product

VOID = {"meta", "img", "br", "link", "input", "hr"}
PALETTE = dict(zip("abcdefghijklmnopqrstuvwxyz", range(0, 260, 10), strict=True))


class Page(HTMLParser):
    """The queries, cards and pictures of a report; fails on a tag that is not closed."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.text = page.read_text(encoding="utf-8")
        self.stack, self.queries, self.cards, self.images = [], [], [], []
        self.tags, self.sections, self.words = set(), [], ""
        self.feed(self.text)
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.add(tag)
        if tag not in VOID:
            self.stack.append((tag, attrs.get("class", "")))
        if tag == "section":
            self.sections.append(attrs["id"])
        if tag == "img":
            self.images.append((self.within(), attrs["src"], attrs["alt"]))
        if tag == "li" and "card" in attrs.get("class", ""):
            self.cards.append([attrs["class"].removeprefix("card "), ""])

    def handle_endtag(self, tag):
        assert self.stack, f"{tag} closes nothing"
        assert self.stack.pop()[0] == tag

    def handle_data(self, data):
        self.words += data
        if self.within("h3"):
            self.queries.append(data)
        if ("p", "name") in self.stack:
            self.cards[-1][1] += data

    def within(self, tag=None):
        """Whether `tag` is open; without one, all classes that are open."""
        if tag is None:
            return " ".join(name for _, name in self.stack)
        return any(open_tag == tag for open_tag, _ in self.stack)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "gallery"
    folder.mkdir()
    for name, shade in PALETTE.items():
        Image.new("RGB", (400, 300), (shade, 90, 160)).save(folder / f"{name}.png")
    return folder


def match(product_id, place=1, **fields):
    product = Product(product_id, fields.pop("name", product_id), fields.pop("brand", ""))
    return Match(product_id, product, f"{product_id}.png", 1 / place, **fields)


def query(pictures, name, ranking, truths="", ignore="", **fields):
    rows = tuple(match(product, place) for place, product in enumerate(ranking, 1))
    return QueryResult(
        pictures / f"{name}.png",
        frozenset(truths),
        frozenset(ignore),
        fields.pop("kind", "photo"),
        Matches(rows, **fields),
        None,
    )


def unreadable(image, truths="", error="the file is empty"):
    return QueryResult(image, frozenset(truths), frozenset(), "photo", None, error)


def write(tmp_path, pictures, results, title="Trial", **options):
    options.setdefault("picture", lambda image: pictures / image)
    page = write_report(tmp_path / "report", title, summarise(results), results, **options)
    assert page == tmp_path / "report" / "index.html"
    return Page(page)


def test_every_picture_stands_in_the_report_once_and_small(tmp_path, pictures):
    results = [query(pictures, "q", "abc", "a"), query(pictures, "r", "cab", "z")]
    page = write(tmp_path, pictures, results, truth_pictures={"z": pictures / "z.png"})
    files = {f"pictures/{path.name}" for path in (tmp_path / "report/pictures").iterdir()}
    shown = {source for _, source, _ in page.images}
    assert len(page.images) == 2 + 3 + 3 + 1
    assert len(shown) == len("qrabcz")
    assert len(files - shown) == 1, "only the placeholder may go unused"
    for source in shown:
        with Image.open(tmp_path / "report" / source) as thumbnail:
            assert (thumbnail.format, thumbnail.size) == ("JPEG", (220, 165))


def test_the_page_needs_no_script_no_network_and_describes_its_pictures(tmp_path, pictures):
    page = write(tmp_path, pictures, [query(pictures, "q", "abc", "a")])
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert "http:" not in page.text
    assert "https:" not in page.text
    assert all(source.startswith("pictures/") and alt for _, source, alt in page.images)


def test_failures_stand_first_and_queries_without_a_truth_last(tmp_path, pictures):
    results = [
        query(pictures, "f", "tabc"),
        query(pictures, "e", "tabc", "t"),
        query(pictures, "d", "atbc", "t"),
        query(pictures, "c", "abctd", "t"),
        query(pictures, "b", "abc", "t"),
        unreadable(pictures / "a.png", "t"),
    ]
    page = write(tmp_path, pictures, results)
    assert page.queries == [f"{name}.png" for name in "abcdef"]
    assert page.sections == ["missed", "partly", "right", "absent"]


def test_wrong_matches_stand_first_the_most_probable_one_in_front(tmp_path, pictures):
    wrong = query(pictures, "b", "ab", "t", verdict="match", probability=0.95)
    left_out = replace(
        query(pictures, "a", "bc", verdict="match", probability=0.97), left_out=frozenset("t")
    )
    right = query(pictures, "c", "tb", "t", verdict="match", probability=0.99)
    page = write(
        tmp_path, pictures, [right, wrong, left_out], truth_pictures={"t": pictures / "t.png"}
    )
    assert page.sections == ["wrong", "right"]
    assert page.queries == ["a.png", "b.png", "c.png"]
    words = " ".join(page.words.split())
    assert "a.png photo right product left out ✗ match · 97 %" in words
    assert words.count("Left out") == 1
    assert words.count("Right product") == 1


def test_sections_without_a_query_are_left_out(tmp_path, pictures):
    assert write(tmp_path, pictures, [query(pictures, "q", "t", "t")]).sections == ["right"]
    assert write(tmp_path, pictures, []).sections == []


def test_frames_mark_exactly_the_truths_and_the_ignored(tmp_path, pictures):
    page = write(tmp_path, pictures, [query(pictures, "q", "abcdefghij", "cgj", "bi")])
    states = {"c": "right", "g": "right", "b": "ignored"}
    assert page.cards == [[states.get(product, "other"), product] for product in "abcdefgh"]


def test_an_ignored_product_takes_no_place(tmp_path, pictures):
    page = write(tmp_path, pictures, [query(pictures, "q", "abc", "c", "a")])
    assert "AP@7 0.500 all" in " ".join(page.words.split())
    assert [place for place in "123" if f'<b class="number">{place}</b>' in page.text] == ["1", "2"]


def test_a_product_of_many_pictures_is_shown_once(tmp_path, pictures):
    page = write(tmp_path, pictures, [query(pictures, "q", "aaabbc", "c")])
    assert [name for _, name in page.cards] == ["a", "b", "c"]


def test_a_missed_right_answer_is_shown_where_its_picture_is_known(tmp_path, pictures):
    results = [query(pictures, "q", "abcdefgt", "tu"), query(pictures, "r", "abt", "t")]
    page = write(tmp_path, pictures, results, truth_pictures={"t": pictures / "t.png"})
    answers = [alt for classes, _, alt in page.images if "missed" in classes]
    assert answers == ["right answer t"]
    assert page.text.count('<aside class="missed"') == 1
    assert "<figcaption>u</figcaption>" in page.text


def test_of_many_missed_right_answers_two_are_shown_and_the_rest_counted(tmp_path, pictures):
    known = {product: pictures / f"{product}.png" for product in "xyz"}
    page = write(tmp_path, pictures, [query(pictures, "q", "ab", "uxyz")], truth_pictures=known)
    answers = [alt for classes, _, alt in page.images if "missed" in classes]
    assert answers == ["right answer x", "right answer y"]
    assert "and 2 more" in page.words
    assert len(list((tmp_path / "report/pictures").iterdir())) == len("qabxy") + 1


def test_words_from_outside_cannot_become_markup(tmp_path, pictures):
    attack = "<script>alert(1)</script>\" onerror='x'"
    reasons = Reasons(words=(attack,), barcode=attack)
    hostile = match("p", name=attack, brand=attack, reasons=reasons)
    result = QueryResult(
        pictures / "<script>.png", frozenset(), frozenset(), attack, Matches((hostile,)), None
    )
    results = [result, replace(result, truths=frozenset({attack}))]
    results.append(unreadable(pictures / "q.png", "t", error=attack))
    page = write(tmp_path, pictures, results, title=attack)
    assert "script" not in page.tags
    assert "<script" not in page.text
    assert [name for _, name in page.cards] == [attack, attack]


def test_reasons_and_score_stand_under_a_product(tmp_path, pictures):
    reasons = Reasons(visual=0.8149, inliers=1, words=("rouge", "dior"), barcode="3")
    row = replace(match("a", name="Rouge", brand="Dior", reasons=reasons), score=0.75)
    result = replace(query(pictures, "q", ""), matches=Matches((row,)))
    words = " ".join(write(tmp_path, pictures, [result]).words.split())
    assert "1 score 0.750 Dior Rouge similarity 0.81 1 inlier words: rouge, dior barcode 3" in words


def test_figures_are_those_of_the_summary(tmp_path, pictures):
    results = [query(pictures, "q", "t", "t"), query(pictures, "r", "a", "t")]
    words = " ".join(write(tmp_path, pictures, results).words.split())
    # Of the two recalls, scipy.stats.binomtest(1, 2).proportion_ci(method="wilson").
    mean, share = "0.500 0.000 to 1.000", "0.500 0.095 to 0.905"
    figures = " ".join([mean, mean, share, share, mean])
    assert f"All 2 {figures} photo 2 {figures}" in words


def test_figures_without_a_scored_query_are_left_open(tmp_path, pictures):
    words = " ".join(write(tmp_path, pictures, [query(pictures, "q", "a")]).words.split())
    assert "All 0 n/a n/a n/a n/a n/a" in words


def test_pictures_that_cannot_be_read_become_a_grey_placeholder(tmp_path, pictures):
    (pictures / "b.png").write_bytes(b"no picture")
    (pictures / "c.png").write_bytes((pictures / "a.png").read_bytes()[:60])
    (pictures / "d.png").unlink()
    page = write(
        tmp_path,
        pictures,
        [unreadable(pictures / "b.png"), query(pictures, "a", "abcde")],
        picture=lambda image: None if image == "e.png" else pictures / image,
    )
    blank = {source for _, source, alt in page.images if alt.startswith("No readable picture: ")}
    assert len(blank) == 1
    assert [source in blank for _, source, _ in page.images] == [False] * 2 + [True] * 5
    grey = np.asarray(Image.open(tmp_path / "report" / blank.pop()), float)
    assert np.ptp(grey.mean(axis=(0, 1))) < 10


def test_a_photo_that_could_not_be_read_shows_why(tmp_path, pictures):
    page = write(tmp_path, pictures, [unreadable(pictures / "a.png", "t", "it is a zip archive")])
    assert "This photo could not be read. it is a zip archive" in page.words


def test_a_query_may_return_nothing(tmp_path, pictures):
    page = write(tmp_path, pictures, [query(pictures, "q", "", "t", verdict="not_in_catalogue")])
    assert "No product was returned." in page.words
    assert "chip bad" in page.text


@pytest.mark.parametrize(
    ("tone", "verdict", "answers"),
    [
        ("good", "match", {"truths": "a"}),
        ("bad", "match", {"truths": "b"}),
        ("bad", "match", {}),
        ("neutral", "match", {"ignore": "a"}),
        ("neutral", "unsure", {"truths": "a"}),
        ("good", "not_in_catalogue", {}),
        ("bad", "not_in_catalogue", {"truths": "a"}),
    ],
)
def test_the_verdict_is_shown_as_right_wrong_or_open(tmp_path, pictures, tone, verdict, answers):
    result = query(pictures, "q", "ab", **answers, verdict=verdict, probability=0.257)
    page = write(tmp_path, pictures, [result])
    assert f'<span class="chip {tone}">' in page.text
    assert f"{verdict.replace('_', ' ')} · 26 %" in page.words


def test_thumbnails_are_upright_and_transparent_parts_are_white(tmp_path, pictures):
    sideways = Image.Exif()
    sideways[0x0112] = 6
    Image.new("RGB", (400, 300), "red").save(pictures / "turned.jpg", exif=sideways)
    Image.new("RGBA", (300, 300), (0, 0, 0, 0)).save(pictures / "clear.png")
    results = [unreadable(pictures / "turned.jpg"), unreadable(pictures / "clear.png")]
    page = write(tmp_path, pictures, results)
    clear, turned = (
        Image.open(tmp_path / "report" / source).convert("RGB") for _, source, _ in page.images
    )
    assert turned.size == (165, 220)
    assert clear.getpixel((100, 100)) == (255, 255, 255)


def test_a_picture_of_16_bits_a_channel_keeps_its_brightness(tmp_path, pictures):
    Image.fromarray(np.full((300, 300), 100 * 257, np.uint16)).save(pictures / "deep.png")
    page = write(tmp_path, pictures, [unreadable(pictures / "deep.png")])
    thumbnail = Image.open(tmp_path / "report" / page.images[0][1])
    assert thumbnail.getpixel((110, 110)) == (100, 100, 100)


def test_a_damaged_picture_leaves_the_terminal_alone(tmp_path, pictures, capfd):
    damaged = pictures / "damaged.tif"
    Image.effect_noise((300, 300), 50).save(damaged, compression="tiff_lzw")
    content = bytearray(damaged.read_bytes())
    content[1000:3000] = bytes(2000)
    damaged.write_bytes(content)
    page = write(tmp_path, pictures, [unreadable(damaged)])
    assert page.images[0][2] == "No readable picture: query photo damaged.tif"
    assert capfd.readouterr() == ("", "")


def test_a_file_name_that_is_no_text_does_not_stop_the_report(tmp_path, pictures):
    page = write(tmp_path, pictures, [unreadable(pictures / "\udcff.jpg")])
    assert page.queries == ["\\xff.jpg"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path, pictures):
    (tmp_path / "report").write_text("in the way")
    with pytest.raises(BeautylensError, match="report: cannot write the report"):
        write(tmp_path, pictures, [])
