"""Responses of the API, as in its OpenAPI description."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, Field

from beautylens.results import Matches, Product, Verdict
from beautylens.serve.kept.queries import KeptQuery
from beautylens.serve.paging import DEFAULT_PAGE, Page
from beautylens.serve.problems import Problem


class Reasons(BaseModel):
    """Evidence for a match."""

    visual: float | None = Field(
        description="Cosine similarity of the global descriptors, -1 to 1."
    )
    local: float | None = Field(description="Cosine similarity of the VLAD vectors, -1 to 1.")
    inliers: int | None = Field(description="Keypoint matches that fit one geometric transform.")
    colour: float | None = Field(
        description="Colour difference (CIEDE2000), corrected for illumination."
    )
    text: float | None = Field(description="Evidence of the words read on the pack, in nats.")
    typed: float | None = Field(
        description="Agreement with the typed words; 1 for the best product."
    )
    words: list[str] = Field(description="Words of the product's name that were read or typed.")
    barcode: str | None = Field(description="Barcode read on the photo, if it is this product's.")
    batch: str | None = Field(description="Batch that the barcode says, if it says one.")
    expiry: str | None = Field(
        description="Date of expiry or best before that the barcode says, in ISO 8601."
    )
    text_agreement: float | None = Field(
        description="Share, by size, of the text on the catalogue picture that is on the photo at "
        "the same position. Null if it was not compared."
    )
    contradiction: float | None = Field(
        description="Strength, 0 to 1, of the clearest contradiction: another GTIN, or other text "
        "on the photo than on the picture at the same position. Null if nothing was compared."
    )


class Difference(BaseModel):
    """A difference between the photo and the catalogue picture: evidence against a match."""

    kind: Literal["words", "code"] = Field(description="`code` is another GTIN.")
    photo: str = Field(description="Text or GTIN on the photo.")
    catalogue: str = Field(
        description="Text on the catalogue picture at the same position, or GTIN of the product."
    )
    box: tuple[int, int, int, int] | None = Field(
        description="x, y, width and height in pixels of the photo, after the crop; null for codes."
    )
    strength: float


class Found(BaseModel):
    """A product that the photo may show."""

    product_id: str
    name: str
    brand: str
    category: str
    gtin: str
    metadata: Mapping[str, str] = Field(description="Additional columns of the catalogue.")
    image: str = Field(description="Path of its picture on this server.")
    score: float = Field(description="Ranking score; only comparable within one response.")
    probability: float | None = Field(description="Probability that the photo shows this product.")
    reasons: Reasons
    against: list[Difference]


class Question(BaseModel):
    """The question that would decide between the two most probable products."""

    about: str = Field(
        description="`words` of their names, the name of a catalogue column, or `colour`."
    )
    product_ids: tuple[str, str] = Field(description="The more probable product first.")
    answers: tuple[str, str] = Field(
        description="Of each product, such as `30 ml` and `50 ml`; colours as #rrggbb."
    )


class Count(BaseModel):
    """Number of candidates with a value of a column."""

    value: str
    count: int


class Answer(BaseModel):
    """Result of a search, best match first."""

    query_id: str = Field(description="Id of this search, for `POST /v1/events`.")
    verdict: Verdict | None = Field(
        description="`match`: the first product; `unsure`: one of the products; "
        "`not_in_catalogue`. Null if the recipe estimates no probabilities."
    )
    probability: float | None = Field(description="Probability that the first product is right.")
    question: Question | None = Field(
        description="Decides between the first two products, if the verdict is `unsure`."
    )
    matches: list[Found]
    barcodes: list[str] = Field(description="Barcodes (GTINs) read on the photo.")
    facets: dict[str, list[Count]] = Field(
        description="For each column of `facets`, how many candidates have each of its values, "
        "most frequent first; empty values are not counted."
    )
    milliseconds: dict[str, float] = Field(description="Milliseconds per stage of the search.")

    model_config = {
        "json_schema_extra": {
            "example": {
                "query_id": "5f0c1b9e6f5a4d0b8a5f3a9c7f1e2d3c",
                "verdict": "match",
                "probability": 0.97,
                "question": None,
                "matches": [
                    {
                        "product_id": "1001",
                        "name": "Velvet Lipstick",
                        "brand": "Aurelle",
                        "category": "lipstick",
                        "gtin": "4006381333931",
                        "metadata": {"shade": "475"},
                        "image": "/v1/products/1001/image",
                        "score": 21.3,
                        "probability": 0.97,
                        "reasons": {
                            "visual": 0.81,
                            "local": 0.35,
                            "inliers": 54,
                            "colour": 1.2,
                            "text": 9.4,
                            "typed": None,
                            "words": ["velvet", "475"],
                            "barcode": None,
                            "batch": None,
                            "expiry": None,
                            "text_agreement": 0.93,
                            "contradiction": 0.0,
                        },
                        "against": [],
                    }
                ],
                "barcodes": [],
                "facets": {"brand": [{"value": "Aurelle", "count": 12}]},
                "milliseconds": {"decode": 9.1, "encode": 60.2, "total": 211.0},
            }
        }
    }

    @classmethod
    def of(
        cls, candidates: Matches, query_id: str, page: Page = DEFAULT_PAGE, base: str = "/v1"
    ) -> Answer:
        """Return the response of a search, without file paths of the server.

        Args:
            candidates: all of the search, best first.
            query_id: the id of the search.
            page: those to respond with.
            base: path of the collection on this server.
        """
        found = [
            match.to_dict() | {"image": _image_of(match.product, base)}
            for match in page.of(candidates)
        ]
        values = candidates.with_rows(()).to_dict()
        values |= {"matches": found, "barcodes": candidates.codes}
        values |= {"query_id": query_id, "facets": page.counts(candidates)}
        return cls.model_validate(values)


class BatchLine(BaseModel):
    """Result of one photo of a batch: an answer, or the problem with it."""

    index: int = Field(description="Number of the photo in the request, from 0.")
    answer: Answer | None
    problem: Problem | None = Field(description="Such as a photo that cannot be read.")


class Item(BaseModel):
    """A product of the catalogue."""

    product_id: str = Field(examples=["1001"])
    name: str = Field(examples=["Velvet Lipstick"])
    brand: str = Field(examples=["Aurelle"])
    category: str = Field(examples=["lipstick"])
    gtin: str = Field(examples=["4006381333931"])
    metadata: Mapping[str, str] = Field(examples=[{"shade": "475"}])
    pictures: int = Field(description="Number of its pictures.", examples=[1])
    image: str = Field(examples=["/v1/products/1001/image"])

    @classmethod
    def of(cls, product: Product, base: str = "/v1") -> Item:
        """Return the response of a product of the collection at a path of this server."""
        return cls(
            product_id=product.product_id,
            name=product.name,
            brand=product.brand,
            category=product.category,
            gtin=product.gtin,
            metadata=dict(product.metadata),
            pictures=len(product.images),
            image=_image_of(product, base),
        )


class About(BaseModel):
    """Collection and limits of this server."""

    title: str = Field(description="Title of the page.")
    products: int = Field(description="Number of products in the collection.")
    images: int = Field(description="Number of pictures in the collection.")
    columns: list[str] = Field(description="Columns that `where` can use.")
    writable: bool = Field(description="Whether products can be changed (requires the write key).")
    collections: list[str] = Field(
        description="Names of further collections, which are at `/v1/collections/{name}`."
    )
    needs_key: bool = Field(description="Whether searching needs a read key.")
    feedback: bool = Field(description="Whether searches and feedback are stored, with photos.")
    keep_days: int | None = Field(
        description="Days after which a photo without feedback is deleted; null if none is stored."
    )
    max_bytes: int = Field(description="Maximum size of a request body in bytes.")
    max_pixels: int = Field(description="Maximum number of pixels of a picture.")


class KeptEvent(BaseModel):
    """What a person did with an answer."""

    event: str
    product_id: str


class KeptSearch(BaseModel):
    """A search that was kept."""

    query_id: str
    time: datetime = Field(description="When it was made, UTC.")
    verdict: str | None
    probability: float | None
    products: list[Item] = Field(description="That were answered and still exist, best first.")
    events: list[KeptEvent]
    label: str | None = Field(
        description="Product that the photo shows; empty for none; null if nobody said so."
    )
    photo: str = Field(description="Path of the photo on this server.")

    @classmethod
    def of(cls, search: KeptQuery, products: Mapping[str, Product | None]) -> KeptSearch:
        """Return the response of a kept search."""
        known = [products.get(product_id) for product_id in search.product_ids]
        return cls(
            query_id=search.query_id,
            time=datetime.fromtimestamp(search.seconds, UTC),
            verdict=search.verdict,
            probability=search.probability,
            products=[Item.of(product) for product in known if product is not None],
            events=[KeptEvent(event=event, product_id=of) for event, of in search.events],
            label=search.label,
            photo=f"/v1/queries/{search.query_id}/photo",
        )


class KeptSearches(BaseModel):
    """Kept searches, those to review first."""

    unlabelled: int = Field(description="Number of all kept searches without a label.")
    queries: list[KeptSearch]


class Health(BaseModel):
    """State of the server."""

    status: str = Field(examples=["ready"])


def _image_of(product: Product, base: str) -> str:
    """Return the path of a product's picture on this server."""
    return f"{base}/products/{quote(product.product_id, safe='')}/image"
