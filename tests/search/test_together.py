"""Several photos of one product: the strongest evidence of each kind counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from beautylens.collection import Collection
from beautylens.errors import QueryError
from beautylens.images.fit import Box
from beautylens.reasons import Difference, Reasons
from beautylens.results import Match, Matches, Product
from beautylens.search.together import together
from tests.conftest import Shop


def picture(name: str, score: float, **reasons: Any) -> Match:
    return Match(name, Product(name), "", score, Reasons(**reasons))


def test_of_each_kind_the_strongest_evidence_of_all_photos_counts() -> None:
    against = Difference("words", "Day", "Night", (0, 0, 9, 9), 0.9)
    front = Matches.ranked(
        [
            picture("cream", 0.8, visual=0.8, inliers=40, colour=3.0, words=("night",), text=2.0),
            picture("soap", 0.7, visual=0.7, inliers=0, contradiction=0.9, against=(against,)),
        ]
    )
    back = Matches.ranked(
        [
            picture("cream", 0.3, visual=0.3, inliers=0, colour=9.0, barcode="04006381333931"),
            picture("gel", 0.4, visual=0.4, text=5.0, words=("fresh", "gel")),
        ]
    )
    for photos in ([front, back], [back, front]):
        rows = {match.image_id: match for match in together(photos)}
        cream = rows["cream"].reasons
        assert (cream.visual, cream.inliers, cream.colour, cream.text) == (0.8, 40, 3.0, 2.0)
        assert (cream.barcode, cream.words) == ("04006381333931", ("night",))
        assert rows["soap"].reasons.against == (against,)
        assert rows["gel"].reasons.text == 5.0
        assert rows["cream"].score == 0.8


def test_a_photo_with_what_the_other_lacks_decides(collection: Collection, shop: Shop) -> None:
    grain = np.random.default_rng(0).integers(0, 255, (600, 600, 3), np.uint8)
    alone = collection.search(shop.photo(1))
    both = collection.search([grain, shop.photo(1)])
    assert both[0].product.product_id == alone[0].product.product_id == "p01"
    assert both.verdict == alone.verdict
    assert both[0].reasons.inliers == alone[0].reasons.inliers
    assert both.milliseconds["describe"] > 0


def test_the_same_photo_twice_is_no_more_certain_than_once(
    collection: Collection, shop: Shop
) -> None:
    once, twice = collection.search(shop.photo(2)), collection.search([shop.photo(2)] * 2)
    assert [match.product for match in twice] == [match.product for match in once]
    assert twice.probability == pytest.approx(once.probability)


def test_the_reasons_are_drawn_on_the_photo_that_agrees_most(
    collection: Collection, shop: Shop, tmp_path: Path
) -> None:
    grain = np.random.default_rng(0).integers(0, 255, (600, 600, 3), np.uint8)
    drawn = collection.search([grain, shop.photo(1)]).explain(tmp_path / "why")
    alone = collection.search(shop.photo(1)).explain(tmp_path / "alone")
    assert np.array_equal(Image.open(drawn.photo), Image.open(alone.photo))


@pytest.mark.parametrize("count", [0, 6])
def test_no_photo_and_too_many_are_refused(collection: Collection, shop: Shop, count: int) -> None:
    with pytest.raises(QueryError, match=r"give 1 to 5"):
        collection.search([shop.photo(0)] * count)


def test_one_crop_for_several_photos_is_refused(collection: Collection, shop: Shop) -> None:
    with pytest.raises(QueryError, match="each with its own"):
        collection.search([shop.photo(0)] * 2, crop_to=Box(0, 0, 90, 90))
