"""Searching on the page, by every way that a person may take."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageFilter
from playwright.sync_api import Browser, Locator, Page, Route, expect

from beautylens.catalogue.truth import read_truth
from tests.conftest import Shop
from tests.outside.browser.conftest import Site, listen

# Puts a file into a clipboard or drag event, as the browser does when a person pastes or drops one.
BRING = """
([event, name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, { type }));
  const target = event === "paste" ? document : document.querySelector("#drop");
  const made = event === "paste"
    ? new ClipboardEvent("paste", { clipboardData: files, bubbles: true })
    : new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true });
  target.dispatchEvent(made);
}
"""


def cards(page: Page) -> Locator:
    return page.locator(".card:not(.ghost)")


def found(page: Page) -> Locator:
    """The first card, once there are some."""
    expect(cards(page).first).to_be_visible()
    return cards(page).first


def choose(page: Page, photo: Path) -> Locator:
    page.set_input_files("#file", photo)
    return found(page)


def bring(page: Page, event: str, photo: Path) -> None:
    data = base64.b64encode(photo.read_bytes()).decode()
    page.evaluate(BRING, [event, photo.name, "image/jpeg", data])


def no_serious_fault(page: Page) -> None:
    results = Axe().run(page).response
    serious = [
        (fault["id"], [node["html"] for node in fault["nodes"]])
        for fault in results["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_the_page_opens_and_says_what_it_is(page: Page) -> None:
    expect(page).to_have_title("Beautylens: search by photo")
    expect(page.get_by_text("12 products")).to_be_visible()
    expect(page.get_by_text("Photos are stored for 30 days")).to_be_visible()
    expect(page.get_by_role("button", name="Search")).to_be_disabled()
    no_serious_fault(page)


def test_a_match_is_shown_beside_the_photo(page: Page, shop: Shop) -> None:
    card = choose(page, shop.photo(2))
    expect(page.locator("#verdict")).to_contain_text("We found it")
    expect(card).to_contain_text("Crème 02 day")
    expect(card).to_contain_text("Kumo")
    expect(card).to_contain_text("shade 002")
    for image in card.locator("img").all():
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)")
    # Nothing has to be scrolled to.
    assert card.get_by_role("button", name="Why").bounding_box()["y"] < 800
    expect(page.get_by_text("Not it?")).to_be_visible()
    expect(page.locator("#results")).not_to_contain_text("p02")
    expect(page.locator("#results")).not_to_contain_text("%")
    no_serious_fault(page)


def answered(page: Page, verdict: str, question: dict[str, object] | None = None) -> None:
    """Let the server answer with this verdict, whatever the photo."""

    def fulfil(route: Route) -> None:
        answer = route.fetch().json()
        for match in answer["matches"][:2]:
            match["probability"] = 0.4
        ids = [match["product_id"] for match in answer["matches"][:2]]
        asked = question and {**question, "product_ids": ids}
        route.fulfill(json={**answer, "verdict": verdict, "question": asked})

    page.route("**/v1/search", fulfil)


def test_unsure_asks_what_decides_and_shows_the_choice(page: Page, shop: Shop) -> None:
    answered(page, "unsure", {"about": "words", "answers": ["rouge", "day"]})
    choose(page, shop.photo(1))
    expect(page.locator("#verdict")).to_contain_text("Which one is it?")
    choices = page.locator(".choice")
    expect(choices).to_have_count(2)
    expect(choices.nth(0)).to_contain_text("rouge")
    expect(choices.nth(0).locator("mark")).to_have_text("rouge")
    no_serious_fault(page)
    name = choices.nth(1).locator(".name").inner_text()
    choices.nth(1).click()
    expect(page.locator("#verdict")).to_contain_text("Your choice")
    expect(page.locator(".hero .name")).to_have_text(name)
    expect(page.locator(".hero button.show")).to_be_focused()


def test_colours_are_asked_for_by_colour(page: Page, shop: Shop) -> None:
    answered(page, "unsure", {"about": "colour", "answers": ["#aa3344", "#3344aa"]})
    choose(page, shop.photo(1))
    colours = page.locator(".swatch").evaluate_all("all => all.map(e => e.style.background)")
    assert colours == ["rgb(170, 51, 68)", "rgb(51, 68, 170)"]


def test_a_missing_product_is_said_plainly_and_the_frame_offered(page: Page, shop: Shop) -> None:
    answered(page, "not_in_catalogue")
    choose(page, shop.photo(1))
    expect(page.locator("#verdict")).to_contain_text("We don't seem to carry this")
    expect(page.get_by_text("Similar products")).to_be_visible()
    expect(page.locator(".hero")).to_have_count(0)
    no_serious_fault(page)
    page.get_by_role("button", name="Frame the product").click()
    expect(page.get_by_role("button", name="Upper left corner")).to_be_focused()


def test_a_price_is_written_as_the_user_does_and_a_product_links_to_its_page(
    browser: Browser, site: Site, shop: Shop
) -> None:
    context = browser.new_context(locale="de")
    page = context.new_page()

    def fulfil(route: Route) -> None:
        answer = route.fetch().json()
        for match in answer["matches"]:
            match["metadata"] = {
                "price": "1012.5", "currency": "eur", "sku": "internal-7",
                "link": "https://shop.example/p", "shade": "night",
            }  # fmt: skip
        route.fulfill(json=answer)

    page.route("**/v1/search", fulfil)
    page.goto(site.server.address)
    card = choose(page, shop.photo(1))
    expect(card.locator(".price")).to_have_text("1.012,50\u00a0€")
    expect(card.locator(".row")).to_have_text("shade night")
    expect(card.get_by_role("link", name="Zum Produkt")).to_have_attribute(
        "href", "https://shop.example/p"
    )
    expect(page.locator("#results")).not_to_contain_text("internal-7")
    context.close()


def test_a_new_photo_clears_the_answer_and_the_words(page: Page, shop: Shop) -> None:
    choose(page, shop.photo(3))
    page.fill("#words", "rouge 03")
    page.press("#words", "Enter")
    found(page)
    page.route("**/v1/search", lambda route: None)
    page.set_input_files("#file", shop.photo(1))
    expect(page.locator("#words")).to_have_value("")
    expect(page.locator(".hero")).to_have_count(0)
    expect(page.locator("#verdict")).to_contain_text("Searching")


@pytest.mark.parametrize(
    ("language", "said"),
    [("de-AT", "Gefunden"), ("fr", "Trouvé"), ("es-MX", "Encontrado"), ("nl", "We found it")],
)
def test_the_page_speaks_the_language_of_the_browser(
    browser: Browser, site: Site, shop: Shop, language: str, said: str
) -> None:
    context = browser.new_context(locale=language)
    page = context.new_page()
    page.goto(site.server.address)
    choose(page, shop.photo(0))
    expect(page.locator("#verdict")).to_contain_text(said)
    assert page.locator("html").get_attribute("lang") == {"nl": "en"}.get(language, language[:2])
    context.close()


def test_a_dark_photo_and_a_blurred_one_are_told(page: Page, shop: Shop, tmp_path: Path) -> None:
    photo = Image.open(shop.photo(0))
    photo.point(lambda value: value // 12).save(tmp_path / "dark.png")
    photo.filter(ImageFilter.GaussianBlur(25)).save(tmp_path / "blurred.png")
    for name, said in (("dark", "very dark"), ("blurred", "looks blurred")):
        page.set_input_files("#file", tmp_path / f"{name}.png")
        expect(page.locator("#fault")).to_contain_text(said)
    page.set_input_files("#file", shop.photo(0))
    expect(page.locator("#fault")).to_be_empty()


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_a_picture_can_be_pasted_and_dropped(page: Page, shop: Shop, way: str) -> None:
    bring(page, way, shop.photo(1))
    expect(found(page)).to_contain_text("Crème 01 rouge")


def test_typed_words_narrow_and_are_marked(page: Page, shop: Shop) -> None:
    choose(page, shop.photo(3))
    page.fill("#words", "rouge 03")
    page.press("#words", "Enter")
    expect(page.locator("mark").filter(has_text="rouge").first).to_be_visible()
    expect(found(page)).to_contain_text("Crème 03 rouge")
    page.fill("#words", "nowhere")
    page.press("#words", "Enter")
    expect(page.locator("#verdict")).to_contain_text("No product has any of the words")


def test_the_frame_is_drawn_by_mouse(page: Page, shop: Shop) -> None:
    choose(page, shop.photo(0))
    frame, corner = page.locator("#crop"), page.locator(".corner.se").bounding_box()
    whole = frame.bounding_box()
    x, y = corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2
    with page.expect_response("**/v1/search") as answer:
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x - whole["width"] * 0.3, y - whole["height"] * 0.2, steps=5)
        page.mouse.up()
    assert answer.value.status == 200
    framed = frame.bounding_box()
    assert framed["width"] == pytest.approx(0.7 * whole["width"], rel=0.03)
    assert framed["height"] == pytest.approx(0.8 * whole["height"], rel=0.03)
    page.get_by_role("button", name="Use the whole photo").click()
    expect(page.get_by_role("button", name="Use the whole photo")).to_be_hidden()
    assert frame.bounding_box()["width"] == pytest.approx(whole["width"], rel=0.01)


def test_the_frame_is_drawn_by_keyboard(page: Page, shop: Shop) -> None:
    choose(page, shop.photo(0))
    page.get_by_role("button", name="Upper left corner").focus()
    with page.expect_response("**/v1/search"):
        for _ in range(10):
            page.keyboard.press("ArrowRight")
            page.keyboard.press("ArrowDown")
    expect(page.locator("#crop")).to_have_attribute(
        "aria-label", "Frame around the product: 80 percent of the width, 80 percent of the height."
        " Arrow keys move it",
    )  # fmt: skip
    page.locator("#crop").focus()
    with page.expect_response("**/v1/search"):
        page.keyboard.press("ArrowLeft")
    expect(found(page)).to_contain_text("Crème 00 day")


def test_the_reasons_are_drawn_on_demand(page: Page, shop: Shop) -> None:
    card = choose(page, shop.photo(0))
    card.get_by_role("button", name="Why").click()
    picture = page.locator("#why-picture")
    expect(page.locator("#why-reasons")).to_contain_text("matching points")
    expect(page.locator("#why-reasons")).to_contain_text("Probability")
    expect(page.locator("#why-reasons")).not_to_contain_text("100 %")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth > image.naturalHeight")
    no_serious_fault(page)
    page.keyboard.press("Escape")
    expect(picture).to_be_hidden()


def test_answers_are_kept_in_a_truth_table(page: Page, site: Site, shop: Shop) -> None:
    card = choose(page, shop.photo(1))
    card.get_by_role("button", name="This is it").click()
    expect(page.locator("#answered")).to_contain_text("Thank you: Crème 01 rouge")
    expect(card.get_by_role("button", name="This is it")).to_have_attribute("aria-pressed", "true")
    (row,) = read_truth(site.kept / "answers.csv")
    assert row.product_ids == {"p01"}
    page.get_by_role("button", name="None of these").click()
    expect(page.locator("#answered")).to_contain_text("none of these")
    (row,) = read_truth(site.kept / "answers.csv")
    assert row.product_ids == frozenset()


def test_an_answer_that_is_not_kept_does_not_look_as_if_it_were(page: Page, shop: Shop) -> None:
    card = choose(page, shop.photo(1))
    page.route("**/v1/events", lambda route: route.fulfill(status=503, body="{}"))
    card.get_by_role("button", name="This is it").click()
    expect(page.locator("#answered")).to_contain_text("could not be stored")
    expect(page.locator(".card.chosen")).to_have_count(0)


def test_a_click_on_the_photo_does_not_search_again(page: Page, shop: Shop) -> None:
    choose(page, shop.photo(1))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#crop").click()
    page.locator(".corner.se").click()
    page.wait_for_timeout(300)
    assert not [url for url in asked if url.endswith("/v1/search")]


def test_the_photo_brought_last_is_the_one_that_is_searched_with(
    page: Page, shop: Shop, tmp_path: Path
) -> None:
    large = tmp_path / "large.png"
    Image.new("RGB", (6000, 5000), "red").save(large)
    page.set_input_files("#file", large)
    page.set_input_files("#file", shop.photo(2))
    expect(found(page)).to_contain_text("Crème 02 day")
    page.wait_for_timeout(1500)
    expect(found(page)).to_contain_text("Crème 02 day")


def test_another_photo_can_be_taken_while_the_frame_is_moved(page: Page, shop: Shop) -> None:
    choose(page, shop.photo(1))
    page.get_by_role("button", name="Upper left corner").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Take another photo").click()
    page.wait_for_timeout(900)
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.locator("#file")).to_be_focused()


def test_less_likely_products_wait_behind_a_button(page: Page, shop: Shop) -> None:
    choose(page, shop.photo(0))
    before = cards(page).count()
    page.locator("#more").click()
    assert cards(page).count() > before
    expect(page.locator("#more")).to_be_hidden()


def test_a_file_that_is_no_picture_is_told_at_once_and_another_can_be_tried(
    page: Page, shop: Shop, tmp_path: Path
) -> None:
    file = tmp_path / "letter.jpg"
    file.write_text("dear shop", "utf-8")
    choose(page, shop.photo(1))
    page.set_input_files("#file", file)
    expect(page.get_by_role("alert")).to_contain_text("letter.jpg is no picture")
    expect(cards(page)).to_have_count(0)
    page.get_by_role("button", name="Take another photo").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(choose(page, shop.photo(0))).to_contain_text("Crème 00 day")


def test_a_picture_that_the_browser_cannot_show_waits_for_a_person(
    page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "cut.jpg"
    file.write_bytes(b"\xff\xd8\xff\xe0 and no more")
    page.set_input_files("#file", file)
    expect(page.get_by_text("This browser cannot display")).to_be_visible()
    # What goes out as it is waits until a person says so.
    expect(page.get_by_role("alert")).to_be_hidden()
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_a_server_that_is_gone_is_told_and_asked_again(page: Page, shop: Shop) -> None:
    page.route("**/v1/search", lambda route: route.abort())
    page.set_input_files("#file", shop.photo(0))
    expect(page.get_by_role("alert")).to_contain_text("is not reachable")
    page.unroute("**/v1/search")
    page.get_by_role("button", name="Try again").click()
    expect(found(page)).to_contain_text("Crème 00 day")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_busy_server_says_when_to_come_back(page: Page, shop: Shop) -> None:
    problem = '{"detail": "too many requests wait already; try again in 3 seconds"}'
    page.route("**/v1/search", lambda route: route.fulfill(status=429, body=problem))
    page.set_input_files("#file", shop.photo(0))
    expect(page.get_by_role("alert")).to_contain_text("try again in 3 seconds")


def test_on_a_telephone_in_the_dark_all_of_it_can_be_reached(
    browser: Browser, site: Site, shop: Shop, complaints: list[str]
) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme="dark"
    )
    page = context.new_page()
    listen(page, complaints)
    page.goto(site.server.address)
    camera = page.locator("#camera")
    assert camera.get_attribute("capture") == "environment"
    expect(page.get_by_text("Take a photo", exact=True)).to_be_visible()
    camera.set_input_files(shop.photo(2))
    expect(found(page)).to_contain_text("Crème 02 day")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    rows = page.locator(".cards .card")
    assert all(row.bounding_box()["height"] <= 140 for row in rows.all())
    # The photo stays in view, and the button for another one.
    page.locator(".cards .card").last.scroll_into_view_if_needed()
    expect(page.locator("#reminder-picture")).to_be_in_viewport()
    expect(page.locator("#retake")).to_be_in_viewport()
    no_serious_fault(page)
    context.close()
    assert complaints == []


def test_a_finger_moves_the_frame(browser: Browser, site: Site, shop: Shop) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(site.server.address)
    choose(page, shop.photo(2))
    corner = page.locator(".corner.nw")
    corner.scroll_into_view_if_needed()
    box = corner.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        touch.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": px, "y": py} for px, py in points]},
        )

    before = page.locator("#crop").bounding_box()["width"]
    with page.expect_response("**/v1/search"):
        send("touchStart", (x, y))
        for step in range(1, 6):
            send("touchMove", (x + 10 * step, y + 10 * step))
        send("touchEnd")
    assert page.locator("#crop").bounding_box()["width"] < before - 40
    context.close()


def test_the_api_is_described_without_another_host(page: Page, site: Site) -> None:
    page.goto(f"{site.server.address}/docs")
    expect(page.get_by_text("/v1/search", exact=True)).to_be_visible()
    expect(page.get_by_text("Find the product that a photo shows")).to_be_visible()
