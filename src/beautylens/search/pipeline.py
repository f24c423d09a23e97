"""The search, one step a line."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from beautylens.inputs.counts import at_least_one
from beautylens.query import Photo, Query
from beautylens.results import Matches
from beautylens.runtime.threads import one_blas_thread
from beautylens.search.describe import Describe
from beautylens.search.judge.scorer import Scorer
from beautylens.search.together import together

# Adds candidates or evidence; only the scorer at the end ranks.
Step = Callable[[Query, Matches], Matches]


class Pipeline:
    """The steps of one recipe, in order; a step that a recipe leaves out does nothing.

    Args:
        describe: makes the query of a photo.
        scorer: ranks by the evidence of the steps.
        retrieve: the first step; the others follow as in `find_evidence`.
    """

    def __init__(
        self,
        describe: Describe,
        scorer: Scorer,
        *,
        retrieve: Step,
        expand: Step | None = None,
        match_code: Step | None = None,
        verify: Step | None = None,
        find_by_words: Step | None = None,
        expand_by_name: Step | None = None,
        compare: Step | None = None,
        read: Step | None = None,
        compare_text: Step | None = None,
    ) -> None:
        self.describe, self.scorer = describe, scorer
        self.retrieve = _timed("retrieve", retrieve)
        self.expand = _timed("expand", expand)
        self.match_code = _timed("match_code", match_code)
        self.verify = _timed("verify", verify)
        self.find_by_words = _timed("find_by_words", find_by_words)
        self.expand_by_name = _timed("expand_by_name", expand_by_name)
        self.compare = _timed("compare", compare)
        self.read = _timed("read", read)
        self.compare_text = _timed("compare_text", compare_text)
        self._score = _timed("score", lambda _, matches: scorer(matches))

    def search(self, photo: Photo, limit: int = 7) -> Matches:
        """Return the products most similar to the photo, best first, one row a product.

        Raises:
            QueryError: when `limit` is less than 1.
        """
        return self.candidates(photo, limit).top(limit)

    def candidates(self, photo: Photo, least: int = 7, *further: Photo) -> Matches:
        """Return all products of the short-list, best first, one row a product.

        Args:
            photo: the photo.
            least: number of products, if the gallery has as many.
            further: photos of the same product.

        Raises:
            QueryError: when `least` is less than 1.
        """
        least = at_least_one(least, "limit")
        start = time.perf_counter()
        query, matches = self._describe_and_find(photo, least)
        if further:
            others = [self._describe_and_find(each, least)[1] for each in further]
            matches = together([matches, *others])
        matches = self._score(query, matches)
        spent = matches.milliseconds
        total = (time.perf_counter() - start) * 1000 + spent["decode"]
        return replace(matches, milliseconds={**spent, "total": total})

    def _describe_and_find(self, photo: Photo, least: int) -> tuple[Query, Matches]:
        """Return the query of a photo, and the short-list with all evidence."""
        start = time.perf_counter()
        query = self.describe(photo, least)
        described = (time.perf_counter() - start) * 1000
        matches = self.find_evidence(query)
        spent = {"decode": photo.milliseconds, "describe": described, **matches.milliseconds}
        return query, replace(matches, milliseconds=spent)

    @one_blas_thread()
    def find_evidence(self, query: Query) -> Matches:
        """Return the images of the short-list with all evidence, before the scorer ranks them."""
        matches = Matches(query=query)
        matches = self.retrieve(query, matches)  # deep descriptor and VLAD: nearest neighbours
        matches = self.expand(query, matches)  # query expansion, diffusion
        matches = self.match_code(query, matches)  # barcodes as GTINs
        matches = self.verify(query, matches)  # keypoints under one transform
        matches = self.find_by_words(query, matches)  # names with the words read and typed
        matches = self.expand_by_name(query, matches)  # products with similar names
        matches = self.compare(query, matches)  # colours where geometry does not decide
        matches = self.read(query, matches)  # words on the pack and words typed
        return self.compare_text(query, matches)  # other text at the same position


def _timed(name: str, step: Step | None) -> Step:
    """Return a step that records the milliseconds it took; None is a step that does nothing."""

    def run(query: Query, matches: Matches) -> Matches:
        if step is None:
            return matches
        start = time.perf_counter()
        found = step(query, matches)
        spent = (time.perf_counter() - start) * 1000
        return replace(found, milliseconds={**matches.milliseconds, name: spent})

    return run
