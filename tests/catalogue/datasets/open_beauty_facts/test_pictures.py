"""A product's front is its catalogue picture; only other photos of it can be queries."""

from __future__ import annotations

import pytest

from beautylens.catalogue.datasets.open_beauty_facts.export import Image, Listing
from beautylens.catalogue.datasets.open_beauty_facts.pictures import (
    front_image,
    front_link,
    query_photos,
    uploader_of,
)
from tests.catalogue.beauty import CREAM, SHORT

BASE = "https://images.openbeautyfacts.org/images/products"
RAW = (Image("10", uploader="anna"), Image("2", uploader="berta"), Image("3", uploader="clara"))
FRONT = Image("front_fr", "10", "12")


def listing(*images: Image, code: str = CREAM, lang: str = "fr", image_url: str = "") -> Listing:
    return Listing(1, code, lang=lang, images=images, image_url=image_url)


@pytest.mark.parametrize(
    ("code", "folder"),
    [
        (CREAM, "360/055/096/4707"),
        ("123456789", "000/012/345/6789"),
        ("036000291452", "003/600/029/1452"),
        (SHORT, "000/009/613/2289"),
        ("12345678901234567", "123/456/789/01234567"),
    ],
)
def test_a_picture_lies_where_the_code_says(code: str, folder: str) -> None:
    link = front_link(listing(FRONT, *RAW, code=code))
    assert link is not None
    assert link.address == f"{BASE}/{folder}/front_fr.12.400.jpg"
    assert link.picture_id == f"{code}_front_fr_12"


@pytest.mark.parametrize(
    ("code", "old"),
    [(SHORT, f"{BASE}/{SHORT}/2.400.jpg"), ("123", f"{BASE}/123/2.400.jpg"), ("123456789", "")],
)
def test_a_short_code_has_a_second_address_that_is_not_split(code: str, old: str) -> None:
    link = front_link(listing(*RAW, code=code))
    assert link is not None
    assert link.otherwise == old


@pytest.mark.parametrize(
    ("images", "name"),
    [
        ((*RAW, Image("front_de", "2", "5"), FRONT), "front_fr.12"),
        ((*RAW, Image("front_nl", "3", "4"), Image("front_de", "2", "5")), "front_de.5"),
        ((*RAW, Image("front", "2", "5")), "front.5"),
        (RAW, "2"),
        ((*RAW, Image("ingredients_fr", "3", "4")), "2"),
        ((*RAW, Image("front_fr", "10", "")), "2"),
        ((*RAW, Image("front_fr/../..", "10", "1"), Image("frontal", "1", "1")), "2"),
        ((Image("٣"), Image("3"), Image("1" * 5000)), "3"),
    ],
)
def test_the_front_in_the_main_language_comes_first_and_the_first_photo_last(
    images: tuple[Image, ...], name: str
) -> None:
    link = front_link(listing(*images), "http://mirror.example/")
    assert link is not None
    assert link.address == f"http://mirror.example/360/055/096/4707/{name}.400.jpg"


def test_a_product_may_have_no_picture() -> None:
    for images in ((), (Image("ingredients_fr", "1", "1"),), (Image("front_fr", "1", "x"),)):
        assert front_link(listing(*images)) is None
        assert front_image(listing(*images)) is None
        assert query_photos(listing(*images)) == ()
    assert front_link(listing(image_url="no address")) is None


def test_an_address_that_the_export_tells_is_taken_as_it_is() -> None:
    address = "http://other.example/images/front_fr.3.400.jpg"
    link = front_link(listing(image_url=address))
    assert link is not None
    assert (link.address, link.picture_id, link.otherwise) == (address, f"{CREAM}_front_fr_3", "")


def test_an_address_beside_a_list_of_pictures_is_left_alone() -> None:
    link = front_link(listing(FRONT, *RAW, image_url="http://other.example/3.400.jpg"))
    assert link is not None
    assert link.picture_id == f"{CREAM}_front_fr_12"


def test_the_uploader_is_who_took_the_photo_that_the_front_was_cut_from() -> None:
    assert uploader_of(listing(FRONT, *RAW)) == "anna"
    assert uploader_of(listing(*RAW)) == "berta"
    assert uploader_of(listing(Image("front_fr", "7", "1"), *RAW)) == ""
    assert uploader_of(listing()) == ""


def kinds(*images: Image) -> dict[str, str]:
    return {
        query.link.picture_id: query.kind for query in query_photos(listing(*images), "http://h")
    }


def test_the_photo_that_the_front_was_cut_from_is_never_a_query() -> None:
    assert kinds(FRONT, *RAW) == {f"{CREAM}_2": "other", f"{CREAM}_3": "other"}
    assert kinds(*RAW) == {f"{CREAM}_10": "other", f"{CREAM}_3": "other"}
    assert kinds(Image("front_fr", "", "12"), *RAW) == {}


def test_a_query_is_of_the_kind_that_was_selected_from_it() -> None:
    assert kinds(
        FRONT,
        *RAW,
        Image("4"),
        Image("ingredients_fr", "2", "3"),
        Image("packaging_fr", "3", "4"),
        Image("front_de", "3", "5"),
        Image("nutrition_fr", "10", "6"),
    ) == {f"{CREAM}_2": "ingredients", f"{CREAM}_3": "front", f"{CREAM}_4": "other"}


def test_a_query_is_the_whole_photo_at_400_pixels_with_its_uploader() -> None:
    (query,) = query_photos(listing(FRONT, RAW[0], RAW[2]))
    assert query.link.address == f"{BASE}/360/055/096/4707/3.400.jpg"
    assert query.uploader == "clara"
