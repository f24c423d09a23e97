"""Several collections in one server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from beautylens.cli import app
from beautylens.collection import Collection
from beautylens.errors import ServeError
from beautylens.serve.app import make_app
from beautylens.serve.settings import ServeSettings
from tests.conftest import Shop
from tests.serve.conftest import KEY, WRITER

BASE = "/v1/collections/tools"


@pytest.fixture(scope="module")
def two(collection: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a server with the shop, and a copy of it named `tools`."""
    folder = tmp_path_factory.mktemp("further") / "tools.lens"
    shutil.copytree(collection.address, folder)
    settings = ServeSettings(
        collection=collection.address, further={"tools": str(folder)}, key=KEY, keep=folder / "kept"
    )
    with TestClient(make_app(settings, collection), base_url="http://localhost") as opened:
        yield opened


def test_a_further_collection_is_searched_under_its_name(two: TestClient, shop: Shop) -> None:
    files = {"image": shop.photo(2).read_bytes()}
    found = two.post(f"{BASE}/search", files=files, data={"limit": 1}).json()["matches"]
    assert [match["product_id"] for match in found] == ["p02"]
    assert found[0]["image"] == f"{BASE}/products/p02/image"
    assert two.get(found[0]["image"]).headers["content-type"] == "image/jpeg"
    (line,) = two.post(f"{BASE}/search/batch", files=files, data={"limit": 1}).text.splitlines()
    (match,) = json.loads(line)["answer"]["matches"]
    assert match["image"] == f"{BASE}/products/p02/image"


def test_a_change_of_one_collection_leaves_the_other(two: TestClient) -> None:
    changed = two.patch(f"{BASE}/products/p05", json={"name": "Other"}, headers=WRITER)
    assert changed.status_code == 200
    assert changed.json()["image"] == f"{BASE}/products/p05/image"
    assert two.get(f"{BASE}/products/p05").json()["name"] == "Other"
    assert two.get("/v1/products/p05").json()["name"] != "Other"
    assert two.delete(f"{BASE}/products/p05").status_code == 401


def test_the_main_collection_names_the_further_ones(two: TestClient) -> None:
    main, further = (two.get(f"{base}/collection").json() for base in ("/v1", BASE))
    assert main["collections"] == ["tools"]
    assert further["collections"] == []
    assert further["products"] == 12
    # Feedback is stored for the main collection only.
    assert (main["feedback"], further["feedback"]) == (True, False)
    assert two.get("/v1/collections/none/collection").status_code == 404


def test_metrics_have_the_size_of_each_collection(two: TestClient) -> None:
    text = two.get("/metrics", headers=WRITER).text
    assert "beautylens_images 12.0" in text
    assert 'beautylens_images{collection="tools"} 12.0' in text
    assert two.get("/health/ready").status_code == 200


def test_the_description_of_the_api_has_each_operation_once(two: TestClient) -> None:
    paths = two.get("/openapi.json").json()["paths"]
    assert "/v1/search" in paths
    assert not any(path.startswith("/v1/collections") for path in paths)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["tools"], "is not NAME=PATH"),
        (["tools="], "is not NAME=PATH"),
        (["tools=a", "tools=b"], "is given twice"),
        (["Tools/x=a"], "further"),
    ],
)
def test_a_further_collection_that_could_not_be_served_is_refused(
    tmp_path: Path, given: list[str], said: str
) -> None:
    options = [part for each in given for part in ("--collection", each)]
    with pytest.raises(ServeError, match=said):
        app(["serve", str(tmp_path), *options], standalone_mode=False)
