"""`POST /v1/feedback`: which product a photo shows, as a person says; kept to learn from."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Response

from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.catalogue.write import write_csv
from beautylens.images.draw import to_jpeg
from beautylens.search.photo import Photo
from beautylens.serve.problems import Refusal, documented
from beautylens.serve.searching import Crop, Image, unknown
from beautylens.serve.service import Service

TABLE, PHOTOS, KIND = "answers.csv", "photos", "page"
_QUALITY = 92


def feedback_routes(service: Service) -> APIRouter:
    """Return the route that takes answers."""
    routes = APIRouter(prefix="/v1", tags=["feedback"])

    @routes.post(
        "/feedback", status_code=204, responses=documented(403, 404, 408, 413, 422, 429, 503)
    )
    async def feedback(
        image: Image,
        product_id: Annotated[
            str, Form(description="What the photo shows; empty: none of the products.")
        ] = "",
        crop: Crop = "",
    ) -> Response:
        """Keep a photo with the product that it shows, in a table to train and evaluate with."""
        if service.settings.keep is None:
            raise Refusal(
                403, "feedback-off",
                "this server keeps no photos; `--keep-queries DIR` has it keep those answered",
            )  # fmt: skip
        answers, data = Answers(service.settings.keep), await image.read()

        def keep() -> None:
            if product_id and not service.collection.gallery.known_products([product_id]):
                raise unknown(product_id)
            answers.keep(service.photo(data, crop=crop), product_id)

        await service.writing.do(keep)
        return Response(status_code=204)

    return routes


class Answers:
    """A folder of photos and a truth table of what people said that they show.

    `train pairs` and `evaluate` read the table as it is. Several processes may write it.

    Args:
        folder: made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def table(self) -> Path:
        """The truth table."""
        return self._folder / TABLE

    def keep(self, photo: Photo, product_id: str) -> None:
        """Write the pixels that were searched with, and the answer; a later answer replaces it."""
        data = to_jpeg(photo.pixels, _QUALITY)
        name = f"{PHOTOS}/{hashlib.blake2b(data, digest_size=16).hexdigest()}.jpg"
        (self._folder / PHOTOS).mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_bytes(data)
        with self._alone():
            rows = {f"{PHOTOS}/{row.image.name}": row for row in self._rows()}
            lines = {
                image: (image, ";".join(sorted(row.product_ids)), row.kind)
                for image, row in rows.items()
            }
            lines[name] = (name, product_id, KIND)
            write_csv(self.table, ("image", "product_ids", "kind"), lines.values())

    def _rows(self) -> tuple[TruthRow, ...]:
        return read_truth(self.table) if self.table.exists() else ()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the other writers off."""
        with (self._folder / f".{TABLE}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
