"""The search itself, one step a line."""

from __future__ import annotations

import time
from dataclasses import replace

from beautylens.counts import at_least_one
from beautylens.results import Matches
from beautylens.search.compare import Compare
from beautylens.search.expand_by_name import Textual
from beautylens.search.expansion import Expansion
from beautylens.search.judge.judge import Judge
from beautylens.search.match_code import Scan
from beautylens.search.query import Photo
from beautylens.search.read import Read
from beautylens.search.retrieve import Retrieve
from beautylens.search.verify import Rerank


class Pipeline:
    """The steps of one recipe, in order; a step that a recipe leaves out is None."""

    def __init__(
        self,
        retrieve: Retrieve,
        expand: Expansion | None,
        scan: Scan | None,
        rerank: Rerank | None,
        textual: Textual | None,
        read: Read,
        compare: Compare | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._retrieve, self._expand, self._scan = retrieve, expand, scan
        self._rerank, self._textual, self._read = rerank, textual, read
        self._compare, self._judge = compare, judge

    def search(self, photo: Photo, limit: int = 7) -> Matches:
        """Return the products that the photo shows, best first, one row a product.

        Raises:
            QueryError: when `limit` is less than 1.
        """
        limit = at_least_one(limit, "limit")
        start = time.perf_counter()
        matches = self.weighed(photo, limit)
        if self._judge is not None:
            matches = self._judge(matches)  # probabilities, and match, unsure or not there
        spent = (time.perf_counter() - start) * 1000 + photo.milliseconds.get("decode", 0.0)
        return replace(
            matches.products().top(limit), milliseconds={**photo.milliseconds, "total": spent}
        )

    def weighed(self, photo: Photo, limit: int = 7) -> Matches:
        """Return the whole short-list, image by image, with all evidence and its score."""
        if self._rerank is not None:
            self._rerank.prepare(photo)  # keypoints, meanwhile
        matches = self._retrieve(photo, limit)  # deep descriptor, nearest neighbours
        if self._expand is not None:
            matches = self._expand(photo, matches)  # neighbours of neighbours
        if self._scan is not None:
            matches = self._scan(photo, matches)  # the barcode
        if self._rerank is not None:
            matches = self._rerank(photo, matches)  # local features, one plausible transform
        if self._textual is not None:
            matches = self._textual(photo, matches)  # products with a similar name
        if self._compare is not None:
            matches = self._compare(photo, matches)  # colours of what is alike but for them
        matches = self._read(photo, self._fused(matches))  # words on the pack, words typed
        return self._fused(matches)

    def _fused(self, matches: Matches) -> Matches:
        return matches if self._judge is None else self._judge.fuse(matches)
