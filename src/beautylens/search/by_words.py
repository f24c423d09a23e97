"""Search by words alone: a ranking of products without a photo, and so without a verdict."""

from __future__ import annotations

import time
from dataclasses import replace

from beautylens.inputs.counts import at_least_one
from beautylens.reasons import Reasons
from beautylens.results import Match, Matches
from beautylens.search.read import all_text
from beautylens.store.gallery import Gallery
from beautylens.text.lines import ReadLine
from beautylens.text.overlap import share

# Products that are looked up at least: some may not pass the filter.
LISTED = 50


def search_by_words(
    gallery: Gallery, words: str, limit: int = 7, where: str | None = None
) -> Matches:
    """Return the products with most of the words, weighed by rarity, best first, one row a product.

    The score is relative to the first product's. An id of a product counts as a word.

    Args:
        gallery: has an index of words.
        words: typed by the user; they may be misspelt in one letter in four.
        limit: number of products, 1 or more.
        where: SQL condition that every product must meet.

    Raises:
        QueryError: when `limit` is less than 1.
    """
    limit = at_least_one(limit, "limit")
    start = time.perf_counter()
    scores = gallery.words.search([words], max(limit, LISTED), where)
    # An id is as good as all other words.
    best = max(scores.values(), default=1.0)
    for product in gallery.products.known(words.split()):
        scores[product] = scores.get(product, 0.0) + best
    best = max(scores.values(), default=1.0)
    found = Matches.ranked(
        replace(match, score=scores[match.product.product_id] / best)
        for match in gallery.products.first_pictures(scores, where)
    ).top(limit)
    spent = (time.perf_counter() - start) * 1000
    return replace(
        found,
        rows=_explained(words, found),
        milliseconds={"find_by_words": spent, "total": spent},
    )


def _explained(words: str, matches: Matches) -> tuple[Match, ...]:
    """Return the matches with the typed words that each product's text has."""
    shared = share([ReadLine(words, 1.0)], [all_text(match.product) for match in matches])
    return tuple(
        replace(match, reasons=Reasons(typed=match.score, words=each.words))
        for match, each in zip(matches, shared, strict=True)
    )
