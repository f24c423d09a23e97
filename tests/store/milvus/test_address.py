"""Addresses of Milvus clusters, as `milvus+http://` names them."""

from __future__ import annotations

import pytest

from beautylens.errors import CollectionError
from beautylens.store.milvus.address import Address


def test_an_address_has_a_cluster_and_a_name() -> None:
    assert Address.parse("milvus+https://h.org:19530/shop_2", "") == (
        "https://h.org:19530",
        "shop_2",
    )
    assert Address.parse("milvus+http://[::1]:19530/", "own") == ("http://[::1]:19530", "own")


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:19530", "milvus://127.0.0.1", "milvus+http://", "milvus+http://u:secret@h/n",
     "milvus+http://h/a-b", "milvus+http://h/a/b", "milvus+http://h/n?token=secret", "/h/n", ""],
)  # fmt: skip
def test_an_address_that_cannot_be_understood_is_refused(address: str) -> None:
    with pytest.raises(CollectionError, match="MILVUS_TOKEN") as refused:
        Address.parse(address, "own")
    assert "secret" not in str(refused.value)
