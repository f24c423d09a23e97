"""Verification: inliers for every candidate, and every combination of parts end to end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from beautylens.assemble.parts import make_explain, make_local_features, make_pipeline
from beautylens.features.local.extractors import EXTRACTORS
from beautylens.features.local.keypoints import NO_KEYPOINTS, Keypoints
from beautylens.features.local.verification import VERIFICATIONS
from beautylens.images.decode import decode
from beautylens.indexing import build
from beautylens.query import Photo, Query
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import (
    CosinePlusInliersSettings,
    InliersSettings,
    KeypointSettings,
    ScorerSettings,
    VerifySettings,
)
from beautylens.results import Match, Matches, Product
from beautylens.search.judge.scorer import PlainScorer, cosine_plus_inliers, inliers
from beautylens.search.verify import Verify
from beautylens.store.gallery import Gallery
from tests.conftest import Shop
from tests.features.local.test_matching import scene, slow_squares
from tests.features.local.test_xfeat import make_graph

SCORES = [0.5, 0.4, 0.3, 0.2, 0.1, 0.05]


def short_list(scores: list[float]) -> Matches:
    return Matches.ranked(
        Match(str(number), Product(str(number)), "", score) for number, score in enumerate(scores)
    )


class KeypointRows:
    """Keypoints by image id, as the rows of a gallery give them."""

    def __init__(self, keypoints: Mapping[str, Keypoints]) -> None:
        self._keypoints = keypoints

    def keypoints(self, image_ids: list[str]) -> dict[str, Keypoints]:
        return {name: self._keypoints[name] for name in image_ids if name in self._keypoints}


def holding(keypoints: Mapping[str, Keypoints]) -> Gallery:
    return cast(Gallery, SimpleNamespace(rows=KeypointRows(keypoints)))


def photo_and_gallery() -> tuple[Keypoints, dict[str, Keypoints]]:
    """A photo and gallery pictures that share ever more of it; the last one was never stored."""
    photo = scene(5)[0]
    gallery = {}
    for number in range(5):
        other = scene(5)[1]
        strange = np.random.default_rng(number).integers(0, 120, (70 - 8 * number, 128))
        other.descriptors[8 * number :] = strange
        gallery[str(number)] = other
    return photo, gallery


def verified(settings: VerifySettings) -> Matches:
    photo, gallery = photo_and_gallery()
    local = make_local_features(KeypointSettings(), settings)
    step = Verify(holding(gallery), local)
    return step(query_of(photo), short_list(SCORES))


def query_of(keypoints: Keypoints | None) -> Query:
    return Query(Photo(np.zeros((4, 4, 3), np.uint8)), np.zeros(2, np.float32), keypoints)


def test_verifying_changes_neither_order_nor_scores() -> None:
    found = verified(VerifySettings())
    assert [match.score for match in found] == SCORES
    assert [match.image_id for match in found] == [str(number) for number in range(6)]


def test_every_candidate_has_its_inliers_and_what_they_were_counted_from() -> None:
    _, gallery = photo_and_gallery()
    for match in verified(VerifySettings()):
        assert match.geometry is not None
        assert match.reasons.inliers == match.geometry.agreement.count
        stored = gallery.get(match.image_id, NO_KEYPOINTS)
        np.testing.assert_array_equal(match.geometry.keypoints.points, stored.points)


def test_a_photo_whose_keypoints_were_not_taken_is_refused() -> None:
    local = make_local_features(KeypointSettings(), VerifySettings())
    step = Verify(holding({}), local)
    with pytest.raises(ValueError, match="no keypoints to verify candidates by"):
        step(query_of(None), short_list(SCORES))


# What version 0.1.0 computed on these keypoints, before verification had options: score, inliers.
FROZEN = {
    "2": (0.5746530721670274, 16),
    "3": (0.5541516680070271, 24),
    "4": (0.5023594781085251, 32),
    "0": (0.5, 0),
    "1": (0.4, 0),
    "5": (0.05, 0),
}


def test_the_default_scores_are_those_from_before_there_were_options() -> None:
    weight = CosinePlusInliersSettings(kind="cosine_plus_inliers").weight
    scorer = PlainScorer(partial(cosine_plus_inliers, weight=weight))
    ranked = scorer(verified(VerifySettings()))
    assert [match.image_id for match in ranked] == list(FROZEN)
    assert {match.image_id: (match.score, match.reasons.inliers) for match in ranked} == FROZEN


def test_the_papers_order_is_the_number_of_ratio_test_matches_then_their_mean_distance() -> None:
    paper = VerifySettings(ratio=0.8, mutual=False, transform="none")
    query, gallery = photo_and_gallery()
    expected = []
    for number in range(6):
        kept = []
        for row in query.descriptors if str(number) in gallery else ():
            first, second = sorted(
                math.sqrt(slow_squares(row, other)) for other in gallery[str(number)].descriptors
            )[:2]
            kept += [first] if first <= 0.8 * second else []
        expected.append((-len(kept), sum(kept) / max(1, len(kept)), number))
    ranked = PlainScorer(inliers)(verified(paper))
    assert [int(match.image_id) for match in ranked] == [number for *_, number in sorted(expected)]
    for match in ranked:
        count, distance, _ = expected[int(match.image_id)]
        assert match.reasons.inliers == -count
        assert match.score == pytest.approx(-count + 1 / (2 + distance) if count else 0.0)


def recipe_of(kind: str, folder: Path) -> Recipe:
    file = str(make_graph(folder / "x.xml")) if kind == "onnx" else None
    return read_recipe("default").model_copy(
        update={
            "keypoints": KeypointSettings(kind=kind, file=file, longest=400),
            # Only SIFT has a VLAD, and only the judge reads colours.
            "vlad": None,
            "colour": None,
            "compare_text": None,
            "read": None,
            "verify": VerifySettings(transform="affine"),
            "scorer": InliersSettings(kind="inliers"),
        }
    )


SCORERS: tuple[ScorerSettings, ...] = (
    CosinePlusInliersSettings(kind="cosine_plus_inliers"),
    InliersSettings(kind="inliers"),
)


@pytest.mark.parametrize("kind", EXTRACTORS)
def test_every_extractor_indexes_searches_and_explains_with_every_other_part(
    kind: str, shop: Shop, tmp_path: Path
) -> None:
    recipe = recipe_of(kind, tmp_path)
    collection, _ = build(shop.table, tmp_path / "c.lens", recipe=recipe)
    photo = collection.photo(shop.photo(0))
    for transform in VERIFICATIONS:
        if (kind, transform) == ("onnx", "similarity"):
            continue
        for scorer in SCORERS:
            verify = VerifySettings(transform=transform, mutual=scorer.kind != "inliers")
            chosen = recipe.model_copy(update={"verify": verify, "scorer": scorer})
            pipeline = make_pipeline(chosen, collection.gallery, collection.encoder)
            best = pipeline.search(photo, 12)[0]
            assert best.reasons.inliers is not None
            if kind != "onnx":
                assert best.product.product_id == "p00", (transform, scorer.kind)
    found = collection.search(shop.photo(0))
    explain = make_explain(recipe, collection.gallery)
    drawing = explain.draw(photo.pixels, explain.keypoints(photo.pixels), found[0])
    shown = photo.pixels.shape[1] * 400 // 600 + decode(found[0].image).shape[1]
    assert drawing.shape[1] >= shown
