"""What the API takes and answers, as its description shows it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from pydantic import BaseModel, Field

from beautylens.results import Matches, Product, Verdict


class Reasons(BaseModel):
    """Why a product was returned."""

    visual: float | None = Field(description="Cosine of the deep descriptors, -1 to 1.")
    local: float | None = Field(description="Cosine of the aggregated keypoints, -1 to 1.")
    inliers: int | None = Field(description="Keypoint matches that one transform explains.")
    colour: float | None = Field(description="Colour difference (CIEDE2000), the light taken out.")
    text: float | None = Field(description="Evidence of the words read, in nats.")
    typed: float | None = Field(description="Share of the typed words, 1 for who has most.")
    words: list[str] = Field(description="Words of the product that were read or typed.")
    barcode: str | None = Field(description="The barcode on the photo, where it is this product's.")


class Found(BaseModel):
    """One product that the photo may show."""

    product_id: str
    name: str
    brand: str
    category: str
    gtin: str
    metadata: Mapping[str, str] = Field(description="The catalogue's further columns.")
    image: str = Field(description="Where its picture is, on this server.")
    score: float = Field(description="All evidence weighed; only its order has a meaning.")
    probability: float | None = Field(description="That it is this product.")
    reasons: Reasons


class Answer(BaseModel):
    """What a search found, best first."""

    verdict: Verdict | None = Field(
        description="`match`: probably the first; `unsure`: one of these; `not_in_catalogue`."
    )
    probability: float | None = Field(description="That the first product is right.")
    matches: list[Found]
    barcodes: list[str] = Field(description="GTINs read on the photo.")
    milliseconds: dict[str, float] = Field(description="Time spent, by stage.")

    model_config = {
        "json_schema_extra": {
            "example": {
                "verdict": "match",
                "probability": 0.97,
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
                        },
                    }
                ],
                "barcodes": [],
                "milliseconds": {"decode": 9.1, "encode": 60.2, "total": 211.0},
            }
        }
    }

    @classmethod
    def of(cls, matches: Matches) -> Answer:
        """Return what a search found, without paths of the server's own."""
        found = [match.to_dict() | {"image": _image_of(match.product)} for match in matches]
        values = matches.to_dict() | {"matches": found, "barcodes": matches.codes}
        return cls.model_validate(values)


class Item(BaseModel):
    """A product as its catalogue row describes it."""

    product_id: str = Field(examples=["1001"])
    name: str = Field(examples=["Velvet Lipstick"])
    brand: str = Field(examples=["Aurelle"])
    category: str = Field(examples=["lipstick"])
    gtin: str = Field(examples=["4006381333931"])
    metadata: Mapping[str, str] = Field(examples=[{"shade": "475"}])
    pictures: int = Field(description="How many pictures it has.", examples=[1])
    image: str = Field(examples=["/v1/products/1001/image"])

    @classmethod
    def of(cls, product: Product) -> Item:
        """Return a product of the collection."""
        return cls(
            product_id=product.product_id,
            name=product.name,
            brand=product.brand,
            category=product.category,
            gtin=product.gtin,
            metadata=dict(product.metadata),
            pictures=len(product.images),
            image=_image_of(product),
        )


class About(BaseModel):
    """What this server searches in, and what it takes."""

    title: str = Field(description="What the page is headed with.")
    images: int = Field(description="Pictures in the collection.")
    columns: list[str] = Field(description="What `where` may ask about.")
    writable: bool = Field(description="Whether products can be changed, with the key.")
    feedback: bool = Field(description="Whether answers of people are kept, with their photos.")
    max_bytes: int = Field(description="Of a request's body.")
    max_pixels: int = Field(description="Of a picture.")


class Health(BaseModel):
    """Whether the server can answer."""

    status: str = Field(examples=["ready"])


def _image_of(product: Product) -> str:
    """Return the address of a product's picture on this server, in place of its path."""
    return f"/v1/products/{quote(product.product_id, safe='')}/image"
