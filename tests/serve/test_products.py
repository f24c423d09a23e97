"""Reading and changing products over HTTP: the next search knows, wherever it runs."""

from __future__ import annotations

import base64
import io
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from beautylens.collection import Collection, open_collection
from beautylens.serve.app import make_app
from beautylens.serve.pictures import PictureStore
from beautylens.serve.service import Service
from beautylens.serve.settings import ServeSettings
from tests.conftest import Shop, draw_pack, photograph
from tests.serve.conftest import KEY, WRITER, Opened


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
    assert open_collection(copied).gallery.products.known(["neu/1"]) == {"neu/1"}
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


def test_a_part_of_a_product_is_changed_and_the_rest_kept(client: TestClient, copied: Path) -> None:
    others = kept(copied)
    address = "/v1/products/part"
    data = {"name": "Part", "brand": "Kumo", "metadata": '{"shade": "8"}'}
    files = {"image": png(draw_pack(81))}
    before = client.put(address, headers=WRITER, files=files, data=data).json()
    fields = [("category", (None, "lips")), ("metadata", (None, '{"shade": "9"}'))]
    changed = client.patch(address, headers=WRITER, files=fields)
    assert changed.status_code == 200
    expected = before | {"category": "lips", "metadata": {"shade": "9"}}
    assert changed.json() == expected == client.get(address).json()
    pack = draw_pack(79)
    pictures = [("image", png(pack)), ("image", png(draw_pack(80)))]
    changed = client.patch(address, headers=WRITER, files=pictures)
    assert changed.json() == expected | {"pictures": 2}
    assert first(client, png(photograph(pack, 1))) == "part"
    assert len(kept(copied) - others) == 2
    ignored = client.patch(address, headers=WRITER, files=[("shade", (None, "9"))])
    assert (ignored.status_code, "no part 'shade'" in ignored.text) == (422, True)
    wrong = client.patch(address, headers=WRITER, files={"image": b"no picture"})
    assert wrong.status_code in (415, 422)
    assert client.get(address).json() == changed.json()
    assert client.patch(address, files=fields).status_code == 401
    client.delete(address, headers=WRITER)
    assert client.patch(address, headers=WRITER, files=fields).status_code == 404
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
        ([None], {"shade": "4"}, "there is no part 'shade'; further columns are sent as"),
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
    assert "cannot be a product id" in answer.json()["detail"]


def test_a_head_request_is_answered_as_a_get_is(client: TestClient) -> None:
    for address in ("/", "/health/live", "/v1/products/p00/image"):
        assert client.head(address).status_code == 200


@pytest.fixture
def own(collection: Collection, tmp_path: Path) -> Path:
    """A copy of the shop's collection for one test."""
    return Path(shutil.copytree(collection.gallery.address, tmp_path / "own.lens"))


def opened_own(own: Path) -> TestClient:
    settings = ServeSettings(collection=str(own), key=KEY)
    return TestClient(make_app(settings, open_collection(own)), base_url="http://localhost")


def put(client: TestClient, product: str, data: bytes) -> int:
    files = {"image": data}
    return client.put(f"/v1/products/{product}", headers=WRITER, files=files).status_code


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_lock_that_is_no_plain_file_is_refused_and_what_it_leads_to_stays(
    own: Path, shop: Shop, tmp_path: Path, kind: str
) -> None:
    victim, lock = tmp_path / "victim", own / ".writing"
    victim.write_text("precious")
    {"link": lambda: lock.symlink_to(victim), "pipe": lambda: os.mkfifo(lock),
     "folder": lock.mkdir}[kind]()  # fmt: skip
    client = opened_own(own)
    assert put(client, "new", shop.picture(0).read_bytes()) == 503
    assert client.delete("/v1/products/p00", headers=WRITER).status_code == 503
    assert victim.read_text() == "precious"


def test_a_link_in_the_way_of_a_picture_is_replaced_and_not_followed(
    own: Path, shop: Shop, tmp_path: Path
) -> None:
    client, picture = opened_own(own), shop.picture(0).read_bytes()
    assert put(client, "new", picture) == 200
    (file,) = kept(own)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    file.unlink()
    for name in (file, file.with_suffix(".part")):
        name.symlink_to(victim)
    assert put(client, "new", picture) == 200
    assert victim.read_text() == "precious"
    assert file.read_bytes() == picture
    assert not file.is_symlink()


def test_pictures_on_another_disk_go_with_their_product(
    own: Path, shop: Shop, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    (own / "pictures").symlink_to(tmp_path / "disk")
    client = opened_own(own)
    assert put(client, "new", shop.picture(0).read_bytes()) == 200
    assert len([file for file in (tmp_path / "disk").rglob("*") if file.is_file()]) == 1
    assert client.delete("/v1/products/new", headers=WRITER).status_code == 204
    assert not [file for file in (tmp_path / "disk").rglob("*") if file.is_file()]


def test_of_the_files_in_its_folder_only_those_that_the_server_wrote_are_removed(
    own: Path,
) -> None:
    store, folder = PictureStore(own), own / "pictures"
    (folder / "ab").mkdir(parents=True)
    others = [folder / "mine.jpg", folder / "ab" / "mine.jpg", own / "elsewhere.jpg"]
    orphans = [folder / "ab" / f"{'0' * 32}{suffix}" for suffix in (".jpg", ".part")]
    for file in (*others, *orphans):
        file.write_bytes(b"")
    store.delete(map(str, others))
    assert store.sweep(open_collection(own).gallery) == 2
    assert [file.exists() for file in (*others, *orphans)] == [True] * 3 + [False] * 2


def test_what_a_killed_server_left_is_swept_and_what_products_show_stays(
    own: Path, shop: Shop, tmp_path: Path
) -> None:
    client = opened_own(own)
    assert put(client, "new", shop.picture(0).read_bytes()) == 200
    (shown,) = kept(own)
    left = PictureStore(own).keep("gone", shop.picture(1).read_bytes())
    moved = own.rename(tmp_path / "moved.lens")
    assert PictureStore(moved).sweep(open_collection(moved).gallery) == 1
    assert [file.name for file in kept(moved)] == [shown.name] != [left.name]


@pytest.mark.parametrize("link", ["pictures", "pictures/ab"])
def test_behind_a_link_nothing_is_swept(own: Path, tmp_path: Path, link: str) -> None:
    others = tmp_path / "others"
    picture = others / ("ab" if link == "pictures" else "") / f"{'0' * 32}.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"")
    (own / link).parent.mkdir(exist_ok=True)
    (own / link).symlink_to(others)
    assert PictureStore(own).sweep(open_collection(own).gallery) == 0
    assert picture.exists()


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [(".", True), ("gallery", True), ("photos", False), ("no/../photos", False)],
)
def test_only_pictures_of_the_folders_named_are_shown(
    opened: Opened, shop: Shop, folder: str, allowed: bool
) -> None:
    client, any_folder = opened(pictures=[shop.folder / folder]), opened()
    photo = {"image": shop.photo(0).read_bytes()}
    explained = client.post("/v1/explain", files=photo, data={"product_id": "p00"})
    assert explained.status_code == (200 if allowed else 404)
    # Without the file there is the small copy that the collection keeps.
    shown, whole = (
        each.get("/v1/products/p00/image?side=1024").content for each in (client, any_folder)
    )
    assert (shown == whole) is allowed


def test_a_link_out_of_the_folders_named_is_not_followed_and_no_address_is_asked(
    opened: Opened, shop: Shop, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(shop.folder)
    named = ServeSettings(collection=str(tmp_path / "own.lens"), pictures=(tmp_path,))
    gallery = SimpleNamespace(rows=SimpleNamespace(count=int))
    service = Service(cast(Collection, SimpleNamespace(gallery=gallery)), named)
    assert service.may_show(str(tmp_path / "a.jpg"))
    for image in (
        tmp_path / "link" / "a.jpg",
        "/etc/a.jpg",
        "https://shop.example/a.jpg",
        "s3://a/b",
    ):
        assert not service.may_show(str(image))


def test_a_product_may_be_sent_as_json(client: TestClient, shop: Shop) -> None:
    picture = base64.b64encode(shop.picture(3).read_bytes()).decode()
    sent = {"image": [picture], "name": "By JSON", "metadata": {"shade": "777"}}
    added = client.put("/v1/products/by-json", json=sent, headers=WRITER)
    try:
        assert added.status_code == 200
        assert (added.json()["name"], added.json()["metadata"]) == ("By JSON", {"shade": "777"})
        wrong = client.patch("/v1/products/by-json", json={"price": "3"}, headers=WRITER)
        assert "there is no part 'price'" in wrong.json()["detail"]
    finally:
        client.delete("/v1/products/by-json", headers=WRITER)
