"""Collections whose vectors a Milvus cluster holds: names and tokens, before any is asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from beautylens.collection import open_collection
from beautylens.errors import CollectionError
from beautylens.store.gallery import Gallery
from beautylens.store.milvus.vector_index import open_with_milvus


def test_an_address_without_a_name_gets_one_of_the_collections_own(tmp_path: Path) -> None:
    names = []
    for folder in (tmp_path / "my shop.lens", tmp_path / "other" / "my shop.lens"):
        Gallery.create(folder, dimensions=4, settings={})
        names.append(open_with_milvus(folder, "milvus+http://h").vectors.address.name)
    assert all(name.startswith("beautylens_my_shop_lens_") for name in names)
    assert names[0] != names[1]


def test_the_name_is_the_same_however_the_collection_is_reached(tmp_path: Path) -> None:
    Gallery.create(tmp_path / "disk" / "shop.lens", dimensions=4, settings={})
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "shop.lens")
    reached = [tmp_path / "disk" / "shop.lens", tmp_path / "link"]
    names = {open_with_milvus(each, "milvus+http://h").vectors.address.name for each in reached}
    (tmp_path / "disk").rename(tmp_path / "mounted")
    moved = open_with_milvus(tmp_path / "mounted" / "shop.lens", "milvus+http://h")
    assert names == {moved.vectors.address.name}


def test_a_copy_of_a_collection_gets_a_name_of_its_own(tmp_path: Path) -> None:
    Gallery.create(tmp_path / "shop.lens", dimensions=4, settings={})
    copied = shutil.copytree(tmp_path / "shop.lens", tmp_path / "trial.lens")
    one, other = (
        open_with_milvus(each, "milvus+http://h") for each in (tmp_path / "shop.lens", copied)
    )
    assert one.vectors.id == other.vectors.id
    assert one.vectors.address.name != other.vectors.address.name


def test_a_token_goes_only_to_a_cluster_that_the_user_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[str] = []
    monkeypatch.setattr(
        "beautylens.store.milvus.vector_index.Milvus", lambda *given: tokens.append(given[-1])
    )
    recipe = {"name": "own", "retrieve": {"vectors": "milvus+http://stranger.example/x"}}
    settings = {"recipe": recipe, "encoder": {"fingerprint": "f"}}
    Gallery.create(tmp_path / "shop.lens", dimensions=4, settings=settings)
    by_collection = open_collection(tmp_path / "shop.lens").gallery
    by_user = open_collection(tmp_path / "shop.lens", "milvus+http://own.example/x").gallery
    monkeypatch.delenv("MILVUS_TOKEN", raising=False)
    _ = by_collection.vectors.cluster
    monkeypatch.setenv("MILVUS_TOKEN", "secret")
    _ = by_user.vectors.cluster
    assert tokens == ["", "secret"]
    again = open_collection(tmp_path / "shop.lens").gallery
    with pytest.raises(CollectionError, match=r"only to one that you name.*--vectors") as refused:
        _ = again.vectors.cluster
    assert "secret" not in str(refused.value)
