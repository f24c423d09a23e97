"""The pipeline: the laws of its steps, and what each of them took."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from PIL import Image

from beautylens.collection import Collection
from beautylens.indexing import build
from beautylens.query import Photo, Query
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import (
    AlphaQuerySettings,
    CosinePlusInliersSettings,
    ExpandByNameSettings,
    InliersSettings,
    WordsSettings,
)
from beautylens.results import Matches
from beautylens.sample.barcode import draw_barcode
from beautylens.search.describe import Describe
from beautylens.search.judge.scorer import PlainScorer, cosine
from beautylens.search.pipeline import Pipeline
from tests.conftest import Shop, catalogue_rows, write_table

GTIN = "4006381333931"
EVIDENCE = (
    *("expand", "match_code", "verify", "find_by_words", "expand_by_name", "compare", "read"),
)
STAGES = {
    "compare_text",
    "decode",
    "describe",
    "retrieve",
    "match_code",
    "verify",
    "find_by_words",
    "compare",
    "read",
    "score",
}


def ids(matches: Matches) -> list[str]:
    return [match.product.product_id for match in matches]


def test_every_stage_is_timed_and_the_total_covers_them(collection: Collection, shop: Shop) -> None:
    spent = dict(collection.search(shop.photo(0)).milliseconds)
    total = spent.pop("total")
    assert set(spent) == STAGES
    assert sum(spent.values()) <= total * 1.001


def test_the_milliseconds_of_a_step_are_those_that_it_took(
    collection: Collection, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("beautylens.search.pipeline.time.perf_counter", lambda: clock[0])
    found = collection.parts.pipeline.search(collection.photo(shop.photo(0)))

    def taking(seconds: float, matches: Matches) -> Matches:
        clock[0] += seconds
        return matches

    def describe(photo: Photo, limit: int) -> Query:
        clock[0] += 0.5
        return Query(photo, np.zeros(2, np.float32), limit=limit)

    pipeline = Pipeline(
        cast(Describe, describe),
        PlainScorer(cosine),
        retrieve=lambda _, matches: taking(0.25, replace(matches, rows=found.rows)),
        expand=lambda _, matches: taking(1.0, matches),
        # A step may begin with an answer of its own: what the others took is not lost.
        verify=lambda _, matches: taking(2.0, Matches(matches.rows)),
    )
    spent = pipeline.search(Photo(np.zeros((8, 8, 3), np.uint8), milliseconds=125.0)).milliseconds
    assert spent == {
        "decode": 125, "describe": 500, "retrieve": 250, "expand": 1000, "verify": 2000,
        "score": 0, "total": 3875,
    }  # fmt: skip


def test_a_step_left_out_does_nothing(collection: Collection, shop: Shop) -> None:
    whole = collection.parts.pipeline
    alone = Pipeline(whole.describe, PlainScorer(cosine), retrieve=whole.retrieve)
    query = whole.describe(collection.photo(shop.photo(0)), 7)
    retrieved = whole.retrieve(query, Matches(query=query))
    for name in EVIDENCE:
        assert getattr(alone, name)(query, retrieved) is retrieved
    assert alone.find_evidence(query).rows == retrieved.rows
    found = alone.search(query.photo, 12)
    assert found.rows == retrieved.products().rows
    assert set(found.milliseconds) == {"decode", "describe", "retrieve", "score", "total"}


def test_a_new_step_needs_only_its_shape(collection: Collection, shop: Shop) -> None:
    """A function is a step: this one brings in an image, and knows words that decide."""
    whole = collection.parts.pipeline
    other = collection.gallery.products.images("p09")[0]

    def brings_in(query: Query, matches: Matches) -> Matches:
        assert query.words == "as told"
        kept = (match for match in matches if match.image_id != other.image_id)
        known = replace(other.reasons, text=99.0, words=("told",))
        return matches.with_rows([*kept, replace(other, reasons=known)])

    pipeline = Pipeline(
        whole.describe, PlainScorer(cosine), retrieve=whole.retrieve, verify=brings_in
    )
    found = pipeline.search(collection.photo(shop.photo(0), words="as told"))
    assert found[0].product.product_id == "p09"
    assert found[0].reasons.words == ("told",)
    assert found[1].product.product_id == "p00"
    assert found.milliseconds["verify"] > 0


def recipe_with(**sections: object) -> Recipe:
    return Recipe.model_validate(
        {**read_recipe("default").model_dump(), "name": "mine", **sections}
    )


BY_NAME = ExpandByNameSettings(first=3, minimum=0.1)
RECIPES = {
    "judge": recipe_with(expand_by_name=BY_NAME),
    "cosine": recipe_with(
        expand_by_name=BY_NAME,
        verify=None,
        colour=None,
        compare_text=None,
        scorer={"kind": "cosine"},
    ),
    "cosine_plus_inliers": recipe_with(
        expand_by_name=BY_NAME,
        colour=None,
        compare_text=None,
        scorer=CosinePlusInliersSettings(kind="cosine_plus_inliers"),
    ),
    "inliers": recipe_with(
        expand=AlphaQuerySettings(kind="alpha_qe"),
        colour=None,
        compare_text=None,
        scorer=InliersSettings(kind="inliers"),
    ),
}


@pytest.fixture(scope="module", params=RECIPES)
def any_scorer(
    request: pytest.FixtureRequest, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> Collection:
    """The shop with a short-list of five, so that steps bring others in, under each scorer."""
    recipe = RECIPES[request.param]
    shallow = recipe.retrieve.model_copy(update={"depth": 5})
    rows = catalogue_rows(12)
    for row in rows:
        row |= {"image": str(shop.folder / row["image"]), "gtin": ""}
    rows[1]["gtin"] = GTIN
    folder = tmp_path_factory.mktemp(request.param)
    table = write_table(folder / "t.csv", rows)
    few = {"retrieve": shallow, "words": WordsSettings(products=4)}
    return build(table, folder / "c.lens", recipe=recipe.model_copy(update=few))[0]


def asked(collection: Collection, shop: Shop) -> Query:
    """A photo with a barcode on it and words typed beside it."""
    scene = np.asarray(Image.open(shop.photo(0)).convert("RGB")).copy()
    symbol = draw_barcode(GTIN, 3, 150)
    scene[-150:, -symbol.shape[1] :] = symbol
    return collection.parts.pipeline.describe(collection.photo(scene, words="rouge 07"), 5)


def test_after_expansion_no_step_changes_the_order_or_the_scores_of_what_it_is_given(
    any_scorer: Collection, shop: Shop
) -> None:
    pipeline, query = any_scorer.parts.pipeline, asked(any_scorer, shop)
    matches = pipeline.expand(query, pipeline.retrieve(query, Matches(query=query)))
    brought_in = set()
    for name in EVIDENCE[1:]:
        before, matches = matches, getattr(pipeline, name)(query, matches)
        known = {match.image_id for match in before}
        kept = [(m.image_id, m.score) for m in matches if m.image_id in known]
        assert kept == [(m.image_id, m.score) for m in before], name
        brought_in |= {name} if len(matches) > len(before) else set()
    assert "match_code" in brought_in
    assert "find_by_words" in brought_in
    if any_scorer.recipe.expand_by_name:
        assert "expand_by_name" in brought_in
    assert matches.query is query
    assert matches.rows == pipeline.find_evidence(query).rows


def test_the_evidence_of_a_step_is_never_lost_on_the_way_to_the_scorer(
    any_scorer: Collection, shop: Shop
) -> None:
    pipeline, query = any_scorer.parts.pipeline, asked(any_scorer, shop)
    evidence = {match.image_id: match for match in pipeline.find_evidence(query)}
    answer = pipeline.search(query.photo, query.limit)
    assert answer[0].reasons.barcode == f"0{GTIN}"
    for match in answer:
        assert match.reasons == evidence[match.image_id].reasons
    expected = pipeline.scorer(Matches.ranked(evidence.values())).top(query.limit)
    assert ids(answer) == ids(expected)
    assert [m.score for m in answer] == [m.score for m in expected]
