"""Searching over HTTP: answers, reasons, and refusals that say what to do."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from beautylens.collection import Collection
from beautylens.errors import CollectionError
from beautylens.results import Matches
from beautylens.serve.models import Answer
from tests.conftest import Shop
from tests.serve.conftest import Opened


def sent(client: TestClient, photo: Path | bytes, **fields: object) -> object:
    data = photo if isinstance(photo, bytes) else photo.read_bytes()
    return client.post("/v1/search", files={"image": data}, data=fields)


def test_a_photo_finds_its_product_as_on_the_command_line(
    client: TestClient, collection: Collection, shop: Shop
) -> None:
    answer = sent(client, shop.photo(2), limit=3)
    assert answer.status_code == 200
    found = answer.json()
    matches: Matches = collection.search(shop.photo(2), 3)
    assert [m["product_id"] for m in found["matches"]] == [m.product.product_id for m in matches]
    assert found["matches"][0]["product_id"] == "p02"
    assert found["matches"][0]["reasons"]["inliers"] > 20
    assert found["matches"][0]["metadata"] == {"shade": "002"}
    assert found["verdict"] == matches.verdict
    assert found["milliseconds"]["total"] > 0


def test_pictures_are_named_by_address_and_no_path_of_the_server_goes_out(
    client: TestClient, shop: Shop
) -> None:
    answer = sent(client, shop.photo(0))
    assert answer.json()["matches"][0]["image"] == "/v1/products/p00/image"
    assert str(shop.folder) not in answer.text


def test_words_and_filter_narrow(client: TestClient, shop: Shop) -> None:
    answer = sent(client, shop.photo(1), where="brand = 'Kumo' AND name LIKE '%rouge%'")
    assert {m["brand"] for m in answer.json()["matches"]} == {"Kumo"}
    typed = sent(client, shop.photo(1), words="rouge 01").json()["matches"][0]
    assert typed["product_id"] == "p01"
    assert "rouge" in typed["reasons"]["words"]


def test_a_filter_means_the_same_as_on_the_command_line(
    client: TestClient, collection: Collection, shop: Shop
) -> None:
    for where in (
        "Brand = 'Kumo'",
        "\"BRAND\" == 'Kumo' and `shade` is not null",
        "brand ilike 'k%'",
    ):
        found = sent(client, shop.photo(1), where=where).json()["matches"]
        matches = collection.search(shop.photo(1), where=where)
        assert [m["product_id"] for m in found] == [m.product.product_id for m in matches]
        assert {m["brand"] for m in found} == {"Kumo"}


def test_a_filter_that_nothing_meets_finds_nothing(client: TestClient, shop: Shop) -> None:
    found = sent(client, shop.photo(1), where="brand = 'Nobody'").json()
    assert (found["matches"], found["verdict"]) == ([], "not_in_catalogue")


def test_the_crop_is_in_pixels_of_the_upright_photo(
    client: TestClient, collection: Collection, shop: Shop
) -> None:
    pixels = cv2.cvtColor(cv2.imread(str(shop.photo(1))), cv2.COLOR_BGR2RGB)
    turned = Image.fromarray(np.rot90(pixels).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    file = io.BytesIO()
    turned.save(file, "PNG", exif=exif)
    found = sent(client, file.getvalue(), crop="80,80,330,430").json()["matches"]
    whole = collection.search(pixels[80:510, 80:410])
    assert [m["product_id"] for m in found] == [m.product.product_id for m in whole]
    assert found[0]["reasons"]["visual"] == pytest.approx(whole[0].reasons.visual, abs=1e-4)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"crop": "1,2,3"}, "x,y,w,h"),
        ({"crop": "9000,9000,10,10"}, "outside the picture"),
        ({"words": "x" * 201}, "at most 200"),
        ({"where": "price > 3"}, "unknown column 'price'"),
        ({"where": "repeat(name, 100000000) = 'x'"}, "REPEAT"),
        ({"where": "path LIKE '/%'"}, "unknown column 'path'"),
        ({"where": "brand = 'x'; DROP TABLE images"}, "unexpected character ';'"),
        ({"where": "image_id = 'x'"}, "unknown column 'image_id'"),
        ({"where": "(" * 200 + "brand = 'x'" + ")" * 200}, "invalid filter"),
        ({"where": "brand"}, "not followed by a comparison"),
        ({"where": "brnd = 'x'"}, "did you mean 'brand'?"),
        ({"where": "x" * 501}, "at most 500"),
    ],
)
def test_a_wrong_field_gets_one_sentence(
    client: TestClient, shop: Shop, fields: dict[str, str], said: str
) -> None:
    answer = sent(client, shop.photo(0), **fields)
    problem = answer.json()
    assert answer.status_code == problem["status"] == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in problem["detail"]
    assert problem["type"].startswith("urn:beautylens:")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"no picture", "no known picture"),
        (b"<html></html>", "web page"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "damaged"),
    ],
)
def test_what_is_no_picture_is_told_so(client: TestClient, data: bytes, said: str) -> None:
    answer = sent(client, data)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_a_bomb_is_refused_before_it_is_decoded(client: TestClient) -> None:
    file = io.BytesIO()
    Image.new("1", (8_000, 8_000)).save(file, "PNG")
    answer = sent(client, file.getvalue())
    assert answer.status_code == 422
    assert "50,000,000" in answer.json()["detail"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_photo_never_fails_the_server(
    client: TestClient, shop: Shop, data: st.DataObject
) -> None:
    file = bytearray(shop.photo(0).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    del file[data.draw(st.integers(2, len(file))) :]
    # Explain does not search: it decodes and draws, which is all that the file decides.
    answer = client.post("/v1/explain", files={"image": bytes(file)}, data={"product_id": "p00"})
    assert answer.status_code in (200, 422)


def test_explain_draws_the_photo_beside_the_product(client: TestClient, shop: Shop) -> None:
    answer = client.post(
        "/v1/explain", files={"image": shop.photo(0).read_bytes()}, data={"product_id": "p00"}
    )
    assert answer.headers["content-type"] == "image/png"
    drawing = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert drawing.shape[1] > drawing.shape[0]
    # Nothing but lines has colours as strong as these in the white between the two pictures.
    height, width = cv2.imread(str(shop.photo(0))).shape[:2]
    gap = drawing[:, round(drawing.shape[0] * width / height) + 8]
    assert (np.ptp(gap.astype(int), axis=1) > 100).any()


def test_explain_needs_keypoints_alone_and_runs_no_network(
    client: TestClient, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beautylens.search.describe.Describe.__call__", None)
    answer = client.post(
        "/v1/explain", files={"image": shop.photo(0).read_bytes()}, data={"product_id": "p00"}
    )
    assert answer.status_code == 200


def test_explaining_a_product_that_is_not_there_is_a_404(client: TestClient, shop: Shop) -> None:
    answer = client.post(
        "/v1/explain", files={"image": shop.photo(0).read_bytes()}, data={"product_id": "p99"}
    )
    assert answer.status_code == 404


def test_every_verdict_can_be_answered() -> None:
    assert Answer.of(Matches(), "0" * 32).model_dump()["matches"] == []


@pytest.mark.parametrize(
    "described",
    [
        b'; filename="photo.jpg"',
        b"",
        b"; filename*=UTF-8''photo.jpg",
        b"\r\nContent-Type: image/jpeg",
        b"; filename*=UTF-8''photo.jpg\r\nContent-Type: text/plain",
    ],
)
def test_a_picture_is_one_however_its_part_is_described(
    client: TestClient, shop: Shop, described: bytes
) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="image"' + described + b"\r\n\r\n"
    body = head + shop.photo(2).read_bytes() + b"\r\n--b--\r\n"
    answer = client.post(
        "/v1/search", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 200
    assert answer.json()["matches"][0]["product_id"] == "p02"


@pytest.mark.parametrize(("letters", "status"), [(255, 200), (4_000, 400)])
def test_a_file_name_is_as_long_as_systems_allow_and_not_longer(
    client: TestClient, shop: Shop, letters: int, status: int
) -> None:
    files = {"image": ("%" * letters, shop.photo(2).read_bytes())}
    answer = client.post("/v1/search", files=files)
    assert answer.status_code == status
    if status == 400:
        assert "content-disposition of more than 1024 bytes" in answer.json()["detail"]


def test_a_text_where_the_picture_should_be_is_told_that_it_is_no_picture(
    client: TestClient,
) -> None:
    answer = client.post("/v1/search", files={"image": (None, "https://shop.example/1.jpg")})
    assert answer.status_code == 422
    assert "no known picture" in answer.json()["detail"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
        "image/jpeg",
    ],
)
def test_what_is_no_form_is_told_how_one_is_sent(client: TestClient, content_type: str) -> None:
    answer = client.post("/v1/search", content=b"image=x", headers={"Content-Type": content_type})
    assert answer.status_code == 415
    assert "curl -F image=@photo.jpg" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Content-Type", "text/plain" + ";" * 1000)], 431),
        ([("Content-Type", "multipart/form-data; boundary=b"), ("Content-Type", "x/y")], 431),
        ([("X-Long", "x" * 20_000)], 431),
        ([(f"X-{number}", "x") for number in range(101)], 431),
        ([("Content-Length", "4"), ("Transfer-Encoding", "chunked")], 400),
        ([("Content-Type", "multipart/form-data; boundary=b; charset=utf-7")], 415),
    ],
)
def test_a_head_that_is_long_or_tells_two_things_is_refused_unread(
    client: TestClient, headers: list[tuple[str, str]], status: int
) -> None:
    answer = client.post("/v1/search", content=b"text", headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "content-security-policy" in answer.headers


def test_what_is_not_there_is_a_problem_too(client: TestClient) -> None:
    for answer in (client.get("/v2"), client.get("/v1/search"), client.get("/web/../app.py")):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.status_code in (404, 405)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (ZeroDivisionError("a secret of the server"), 500, "fault"),
        (CollectionError("/secret/shop.lens cannot be read"), 503, "collection-unavailable"),
    ],
)
def test_a_failure_inside_says_nothing_of_itself(
    opened: Opened,
    collection: Collection,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    kind: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    client = opened()
    monkeypatch.setattr(type(collection), "photo", fail)
    answer = sent(client, shop.photo(0))
    assert answer.status_code == status
    assert answer.json()["type"] == f"urn:beautylens:{kind}"
    assert "content-security-policy" in answer.headers
    assert "secret" not in answer.text


def test_a_catalogue_picture_that_is_gone_is_not_the_photos_fault(
    client: TestClient, shop: Shop
) -> None:
    file = shop.picture(9)
    data = file.read_bytes()
    photo = shop.photo(0).read_bytes()
    try:
        file.unlink()
        answer = client.post("/v1/explain", files={"image": photo}, data={"product_id": "p09"})
    finally:
        file.write_bytes(data)
    assert answer.status_code == 404
    assert str(shop.folder) not in answer.text


@pytest.mark.parametrize("url_safe", [False, True])
@pytest.mark.parametrize("before", ["", "data:image/jpeg;base64,"])
def test_a_photo_may_be_base64_in_json(
    client: TestClient, shop: Shop, before: str, url_safe: bool
) -> None:
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    # Also without padding.
    text = encode(shop.photo(2).read_bytes()).decode().rstrip("=")
    wrapped = before + "\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    body = {"image": wrapped, "limit": 2, "where": None, "facets": "brand"}
    answer = client.post("/v1/search", json=body)
    assert answer.status_code == 200
    found = [match["product_id"] for match in answer.json()["matches"]]
    assert (found[0], len(found)) == ("p02", 2)
    assert answer.json()["facets"]["brand"]


def test_a_batch_may_be_json(client: TestClient, shop: Shop) -> None:
    photos = [shop.photo(number).read_bytes() for number in (0, 1)]
    body = {"image": [base64.b64encode(photo).decode() for photo in photos], "limit": 1}
    lines = client.post("/v1/search/batch", json=body).text.splitlines()
    found = [json.loads(line)["answer"]["matches"][0]["product_id"] for line in lines]
    assert found == ["p00", "p01"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"image=x", 400, "the body is not JSON"),
        (b"\xff", 400, "the body is not JSON"),
        (b'["x"]', 400, "the JSON is not an object"),
        (b'{"image": "not base64!"}', 400, 'image is not base64; send {"image": "<base64>"'),
        (b'{"image": 3}', 400, "image is not a text"),
        (b'{"image": "", "where": {"brand": "x"}}', 400, "where is not a text"),
        (b'{"image": "", "limit": true}', 422, "limit"),
        (b'{"image": "bm8gcGljdHVyZQ=="}', 422, "no known picture"),
        (b'{"words": "\\ud800"}', 200, ""),
        (b"[" * 201, 400, "more than 200 values"),
        (b"{}", 422, "give a photo, words, or both"),
    ],
)
def test_json_that_is_no_form_gets_one_sentence(
    client: TestClient, body: bytes, status: int, said: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/search", content=body, headers=headers)
    assert answer.status_code == status
    assert said in answer.json().get("detail", "")


def typed(client: TestClient, **fields: str) -> object:
    """The answer to a form without a photo."""
    return client.post("/v1/search", files={n: (None, text) for n, text in fields.items()})


def test_words_without_a_photo_find_products_without_a_verdict(
    client: TestClient, collection: Collection
) -> None:
    answer = typed(client, words="nordlys creme 07", limit="3")
    assert answer.status_code == 200
    found = answer.json()
    matches = collection.search(words="nordlys creme 07", limit=3)
    assert [m["product_id"] for m in found["matches"]] == [m.product.product_id for m in matches]
    assert (found["verdict"], found["probability"], found["question"]) == (None, None, None)
    assert found["matches"][0]["image"] == "/v1/products/p07/image"
    filtered = typed(client, words="creme", where="shade = '004'")
    assert [m["product_id"] for m in filtered.json()["matches"]] == ["p04"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"words": ""}, "give a photo, words, or both"),
        ({"limit": "3"}, "give a photo, words, or both"),
        ({"words": "x" * 201}, "at most 200"),
        ({"words": "dior", "crop": "0,0,9,9"}, "no photo to crop"),
        ({"words": "dior", "where": "path LIKE '/%'"}, "unknown column 'path'"),
    ],
)
def test_a_search_without_a_photo_gets_one_sentence(
    client: TestClient, fields: dict[str, str], said: str
) -> None:
    answer = typed(client, **fields)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_the_description_of_the_api_does_not_require_a_photo(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["components"]["schemas"]
    (form,) = (each for name, each in described.items() if name.endswith("search_v1_search_post"))
    assert "image" not in form.get("required", [])
    assert "Without a photo" in form["properties"]["words"]["description"]


def test_several_photos_of_one_product_are_one_search(client: TestClient, shop: Shop) -> None:
    grain = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    Image.fromarray(pixels).save(grain, "PNG")
    parts = [("image", grain.getvalue()), ("image", shop.photo(1).read_bytes())]
    answer = client.post("/v1/search", files=parts)
    assert answer.status_code == 200
    assert answer.json()["matches"][0]["product_id"] == "p01"
    many = client.post("/v1/search", files=[parts[1]] * 6)
    assert many.status_code == 422
