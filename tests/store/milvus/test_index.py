"""Which index a Milvus cluster gets."""

from __future__ import annotations

from beautylens.store.milvus.index import index_for


def test_the_index_is_chosen_by_how_many_images_there_are() -> None:
    kinds = [index_for(count).kind for count in (0, 50_000, 50_001, 10_000_000, 100_000_000)]
    assert kinds == ["FLAT", "FLAT", "IVF_SQ8", "IVF_SQ8", "DISKANN"]
