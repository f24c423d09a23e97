"""`POST /v1/feedback`: stores which product a photo shows, according to the user."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Response

from beautylens.catalogue.json_tables import SEPARATOR
from beautylens.catalogue.write import write_csv
from beautylens.errors import CollectionError, TableError
from beautylens.files.writing import PRIVATE, PRIVATE_FOLDER, new_file
from beautylens.images.draw import to_jpeg
from beautylens.images.fit import shrink
from beautylens.serve.forms import FormRoute
from beautylens.serve.problems import HTTPProblem, documented
from beautylens.serve.routes.search import Crop, Image, unknown
from beautylens.serve.service import Service
from beautylens.serve.texts import FormId
from beautylens.store.write_lock import write_lock

TABLE, PHOTOS, KIND = "answers.csv", "photos", "page"
COLUMNS = ("image", "product_ids", "kind")
# Maximum number of stored answers, because anybody may send them.
MOST = 10_000
# Maximum size of all stored photos.
MOST_BYTES = 4 << 30
# Longer side of a stored photo in pixels; as large as the page sends.
LONGEST_SIDE = 2000
_QUALITY = 92


def feedback_routes(service: Service) -> APIRouter:
    """Return the route for feedback."""
    routes = APIRouter(prefix="/v1", tags=["feedback"], route_class=FormRoute)

    @routes.post(
        "/feedback",
        status_code=204,
        dependencies=service.read_security,
        responses=documented(400, 401, 403, 404, 408, 413, 415, 422, 429, 503, 507),
    )
    async def feedback(
        image: Image,
        product_id: FormId = "",
        none: Annotated[bool, Form(description="The photo shows none of the products.")] = False,
        crop: Crop = "",
    ) -> Response:
        """Store a photo and the product it shows, as labelled data for training and evaluation."""
        if service.settings.keep is None:
            raise HTTPProblem(
                403,
                "feedback-off",
                "this server does not store feedback; start it with `--keep-queries DIR`",
            )
        if none == bool(product_id):
            raise TableError("send either product_id or none=true")
        if SEPARATOR in product_id:
            raise TableError(
                f"product_id contains {SEPARATOR!r}, which separates ids in truth tables; remove it"
            )
        answers, data = Answers(service.settings.keep), await image.read()

        def encoded() -> bytes:
            if product_id and not service.collection.known([product_id]):
                raise unknown(product_id)
            pixels, _ = shrink(service.photo(data, crop=crop).pixels, LONGEST_SIDE)
            return to_jpeg(pixels, _QUALITY)

        photo = await service.searching.do(encoded)
        await service.feedback.do(lambda: answers.keep(photo, product_id))
        return Response(status_code=204)

    return routes


class Answers:
    """A folder of photos with a truth table of the products that users chose.

    `train pairs` and `evaluate` read the table. Several processes may write it.

    Args:
        folder: created if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def table(self) -> Path:
        """The truth table."""
        return self._folder / TABLE

    def keep(self, photo: bytes, product_id: str) -> None:
        """Store a photo (JPEG) and its product, replacing an earlier answer on the same photo.

        Raises:
            HTTPProblem: 507 when the folder is full.
            CollectionError: when it cannot be written.
        """
        name = f"{PHOTOS}/{hashlib.blake2b(photo, digest_size=16).hexdigest()}.jpg"
        try:
            for folder in (self._folder, self._folder / PHOTOS):
                folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
            with write_lock(self._folder):
                rows = self._rows()
                if name not in rows and not self._has_room(len(rows), len(photo)):
                    raise HTTPProblem(
                        507,
                        "feedback-full",
                        f"the limit of {MOST:,} answers or {MOST_BYTES >> 20:,} MiB of photos is "
                        "reached; ask the operator to move them",
                    )
                rows[name] = (name, product_id, KIND)
                with new_file(self._folder / name, mode=PRIVATE) as file:
                    file.write(photo)
                write_csv(self.table, COLUMNS, rows.values(), mode=PRIVATE)
        except OSError as error:
            raise CollectionError(f"{self._folder} cannot be written ({error.strerror})") from error

    def _has_room(self, answers: int, size: int) -> bool:
        """Return whether one more photo of this size may be stored."""
        kept = sum(file.stat().st_size for file in (self._folder / PHOTOS).iterdir())
        return answers < MOST and kept + size <= MOST_BYTES

    def _rows(self) -> dict[str, tuple[str, ...]]:
        """Return the rows of the table by photo."""
        if not self.table.exists():
            return {}
        with self.table.open(encoding="utf-8", newline="") as file:
            return {
                row["image"]: tuple(row.get(name) or "" for name in COLUMNS)
                for row in csv.DictReader(file)
            }
