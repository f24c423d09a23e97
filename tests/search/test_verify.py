"""Re-ranking: the orders against slow references, and every combination of parts end to end."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.assemble import make_explain, make_local_features, make_order
from beautylens.features.local.extractors import EXTRACTORS
from beautylens.features.local.features import Agreement
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.verification import VERIFICATIONS
from beautylens.images.decode import decode
from beautylens.indexing import build
from beautylens.query import Photo
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import KeypointSettings, VerifySettings
from beautylens.results import Match, Matches, Product
from beautylens.search.verify import Order, Verify, counted
from beautylens.store.gallery import Gallery
from tests.conftest import Shop
from tests.features.local.test_matching import scene, slow_squares
from tests.features.local.test_xfeat import make_graph


def short_list(scores: list[float]) -> Matches:
    return Matches.ranked(
        Match(str(place), Product(str(place)), "", score) for place, score in enumerate(scores)
    )


def agreement(count: int, distance: float) -> Agreement:
    return Agreement(np.empty((0, 2), np.intp), count, distance, np.zeros((2, 3)))


LONGEST_DISTANCE = 255 * math.sqrt(128)
agreements = st.tuples(
    st.floats(-1, 1),
    st.one_of(st.integers(0, 4), st.integers(0, 10_000)),
    st.one_of(
        st.sampled_from([0.0, 250.0, 250.001, 612.25]),
        st.floats(0, LONGEST_DISTANCE).map(lambda value: round(value, 3)),
    ),
)


@given(st.lists(agreements, max_size=40))
@settings(max_examples=200, deadline=None)
def test_count_orders_by_number_then_mean_distance_then_visual_score(
    found: list[tuple[float, int, float]],
) -> None:
    matches = short_list([visual for visual, _, _ in found])
    ranked = matches.rescored(
        lambda match: counted(match.score, agreement(*found[int(match.image_id)][1:]))
    )

    def key(place: int) -> tuple[float, float, float]:
        visual, count, distance = found[place]
        return -count, distance if count else 0.0, -visual

    expected = sorted(range(len(found)), key=key)
    assert [int(match.image_id) for match in ranked] == expected


class Shelf:
    """Keypoints by image id, as a gallery gives them."""

    def __init__(self, keypoints: Mapping[str, Keypoints]) -> None:
        self._keypoints = keypoints

    def keypoints(self, image_ids: list[str]) -> dict[str, Keypoints]:
        return {name: self._keypoints[name] for name in image_ids if name in self._keypoints}


def one_query() -> tuple[Keypoints, dict[str, Keypoints]]:
    """A query and gallery pictures that share ever more of it; the last one was never stored."""
    query = scene(5)[0]
    gallery = {}
    for place in range(5):
        other = scene(5)[1]
        strange = np.random.default_rng(place).integers(0, 120, (70 - 8 * place, 128))
        other.descriptors[8 * place :] = strange
        gallery[str(place)] = other
    return query, gallery


def rerank(settings: VerifySettings, order: Order | None = None) -> Matches:
    query, gallery = one_query()

    class Given:
        distance = "l2"

        def __call__(self, picture: np.ndarray, *, longest: int, limit: int) -> Keypoints:
            return query

    local = make_local_features(KeypointSettings(), settings)
    object.__setattr__(local, "extractor", Given())
    step = Verify(cast(Gallery, Shelf(gallery)), local, order or make_order(settings))
    photo = Photo(np.zeros((4, 4, 3), np.uint8))
    return step(photo, short_list([0.5, 0.4, 0.3, 0.2, 0.1, 0.05]))


# What version 0.1.0 computed on these keypoints, before re-ranking had options: score, inliers.
FROZEN = {
    "2": (0.5746530721670274, 16),
    "3": (0.5541516680070271, 24),
    "4": (0.5023594781085251, 32),
    "0": (0.5, 0),
    "1": (0.4, 0),
    "5": (0.05, 0),
}


def test_the_default_scores_are_those_from_before_there_were_options() -> None:
    ranked = rerank(VerifySettings())
    assert [match.image_id for match in ranked] == list(FROZEN)
    assert {match.image_id: (match.score, match.reasons.inliers) for match in ranked} == FROZEN


def test_the_papers_order_is_the_number_of_ratio_test_matches_then_their_mean_distance() -> None:
    paper = VerifySettings(ratio=0.8, mutual=False, verify="none", order="count")
    query, gallery = one_query()
    expected = []
    for place in range(6):
        kept = []
        for row in query.descriptors if str(place) in gallery else ():
            first, second = sorted(
                math.sqrt(slow_squares(row, other)) for other in gallery[str(place)].descriptors
            )[:2]
            kept += [first] if first <= 0.8 * second else []
        expected.append((-len(kept), sum(kept) / max(1, len(kept)), place))
    ranked = rerank(paper)
    assert [int(match.image_id) for match in ranked] == [place for *_, place in sorted(expected)]
    for match in ranked:
        count, distance, _ = expected[int(match.image_id)]
        assert match.reasons.inliers == -count
        assert match.score == pytest.approx(-count + 1 / (2 + distance) if count else 0.0)


def recipe_of(kind: str, folder: Path) -> Recipe:
    file = str(make_graph(folder / "x.xml")) if kind == "onnx" else None
    return read_recipe("default").model_copy(
        update={
            "keypoints": KeypointSettings(kind=kind, file=file, longest=400),
            # Only SIFT is aggregated.
            "aggregate": None,
            "rerank": VerifySettings(verify="affine"),
        }
    )


@pytest.mark.parametrize("kind", EXTRACTORS)
def test_every_extractor_indexes_searches_and_explains_with_every_other_part(
    kind: str, shop: Shop, tmp_path: Path
) -> None:
    recipe = recipe_of(kind, tmp_path)
    collection, _ = build(shop.table, tmp_path / "c.lens", recipe=recipe)
    assert recipe.keypoints is not None
    names = [name for name in VERIFICATIONS if (kind, name) != ("onnx", "similarity")]
    for verify, order in itertools.product(names, ("weighed", "count")):
        chosen = VerifySettings(verify=verify, order=order, mutual=order == "weighed")
        step = Verify(
            collection.gallery,
            make_local_features(recipe.keypoints, chosen),
            make_order(chosen),
        )
        photo = collection.photo(shop.photo(0))
        best = step(photo, collection.gallery.nearest(collection.encoder([photo.pixels])[0], 12))[0]
        if kind != "onnx":
            assert best.product.product_id == "p00", (verify, order)
    drawing = make_explain(recipe, collection.gallery)(photo, collection.search(shop.photo(0))[0])
    assert drawing.shape[1] >= photo.pixels.shape[1] * 400 // 600 + decode(best.image).shape[1]
