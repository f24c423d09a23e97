"""Reading and changing products over HTTP: the next search knows, wherever it runs."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from beautylens.collection import open_collection
from tests.conftest import Shop, draw_pack, photograph
from tests.serve.conftest import WRITER


def png(bgr: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(bgr[..., ::-1].copy()).save(file, "PNG")
    return file.getvalue()


def first(client: TestClient, photo: bytes) -> str:
    found = client.post("/v1/search", files={"image": photo}, data={"limit": 1}).json()
    return found["matches"][0]["product_id"]


def kept(copied: Path) -> set[Path]:
    return {file for file in (copied / "pictures").rglob("*") if file.is_file()}


def test_a_product_is_read_with_its_columns(client: TestClient) -> None:
    assert client.get("/v1/products/p03").json() == {
        "product_id": "p03",
        "name": "Crème 03 rouge",
        "brand": "Aurelle",
        "category": "",
        "gtin": "",
        "metadata": {"shade": "003"},
        "pictures": 1,
        "image": "/v1/products/p03/image",
    }


def test_its_picture_is_drawn_anew_no_larger_than_asked_for(client: TestClient) -> None:
    answer = client.get("/v1/products/p03/image", params={"side": 200})
    assert answer.headers["content-type"] == "image/jpeg"
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.size == (150, 200)
    assert not picture.getexif()


@pytest.mark.parametrize("product", ["p99", "..%2F..%2Fetc%2Fpasswd", "%00", "x" * 201, "é%0A"])
def test_no_other_file_can_be_named(client: TestClient, product: str) -> None:
    for address in (f"/v1/products/{product}", f"/v1/products/{product}/image"):
        assert client.get(address).status_code in (404, 422)


def test_a_product_comes_changes_and_goes_without_a_restart(
    client: TestClient, copied: Path, shop: Shop
) -> None:
    pack = draw_pack(77)
    photo, others = png(photograph(pack, 1)), kept(copied)
    assert first(client, photo) != "neu/1"
    put = client.put(
        "/v1/products/neu%2F1",
        headers=WRITER,
        files=[("image", png(pack)), ("image", png(draw_pack(78)))],
        data={"name": "Neu", "gtin": "4006381333931", "metadata": '{"shade": "77"}'},
    )
    assert put.status_code == 200
    assert (put.json()["name"], put.json()["pictures"]) == ("Neu", 2)
    assert put.json()["metadata"] == {"shade": "77"}
    assert first(client, photo) == "neu/1"
    # Another process sees it too: each look goes to the newest version.
    assert open_collection(copied).gallery.known_products(["neu/1"]) == {"neu/1"}
    assert client.get("/v1/products/neu%2F1/image").status_code == 200
    assert len(kept(copied) - others) == 2

    again = client.put(
        "/v1/products/neu%2F1", headers=WRITER, files={"image": png(pack)}, data={"name": "Neuer"}
    )
    assert (again.json()["pictures"], again.json()["metadata"]) == (1, {})
    assert len(kept(copied) - others) == 1

    assert client.delete("/v1/products/neu%2F1", headers=WRITER).status_code == 204
    assert first(client, photo) != "neu/1"
    assert client.get("/v1/products/neu%2F1").status_code == 404
    assert client.delete("/v1/products/neu%2F1", headers=WRITER).status_code == 404
    assert kept(copied) == others


@pytest.mark.parametrize(
    ("files", "fields", "said"),
    [
        ([b"no picture"], {}, "picture 1"),
        ([None, b"no picture"], {}, "picture 2"),
        ([], {}, "image"),
        ([None] * 11, {}, "too many files"),
        ([None], {"metadata": "[1]"}, "JSON object"),
        ([None], {"metadata": '{"shade": 4}'}, "JSON object"),
        ([None], {"metadata": '{"price": "4"}'}, "no column 'price'"),
        ([None], {"name": "x" * 1001}, "name"),
        ([None], {"name": "a\0b"}, "name"),
        ([None], {"metadata": '{"shade": "\\ud800"}'}, "metadata"),
    ],
)
def test_a_wrong_product_changes_nothing(
    client: TestClient,
    copied: Path,
    shop: Shop,
    files: list[bytes | None],
    fields: dict[str, str],
    said: str,
) -> None:
    before, others = client.get("/v1/products/p05").json(), kept(copied)
    picture = shop.picture(6).read_bytes()
    answer = client.put(
        "/v1/products/p05",
        headers=WRITER,
        files=[("image", picture if data is None else data) for data in files] or None,
        data=fields,
    )
    assert answer.status_code == (400 if "too many" in said else 422)
    assert said in answer.json()["detail"]
    assert client.get("/v1/products/p05").json() == before
    assert kept(copied) == others


def test_a_picture_whose_file_is_gone_is_shown_from_the_collections_own_copy(
    client: TestClient, shop: Shop
) -> None:
    file = shop.picture(8)
    data = file.read_bytes()
    try:
        file.write_bytes(b"no picture any more")
        answer = client.get("/v1/products/p08/image")
    finally:
        file.write_bytes(data)
    assert answer.status_code == 200
    assert max(Image.open(io.BytesIO(answer.content)).size) == 256


@pytest.mark.parametrize("product", ["a;b", "%20a", "a%2Fimage", "%2E%2E%2Fa", "a%2F.", "%FF"])
def test_an_id_that_could_be_taken_for_another_is_refused(
    client: TestClient, shop: Shop, product: str
) -> None:
    files = {"image": shop.picture(0).read_bytes()}
    answer = client.put(f"/v1/products/{product}", headers=WRITER, files=files)
    assert answer.status_code == 422
    assert "cannot be the id" in answer.json()["detail"]


def test_a_head_request_is_answered_as_a_get_is(client: TestClient) -> None:
    for address in ("/", "/health/live", "/v1/products/p00/image"):
        assert client.head(address).status_code == 200
