"""The same photo gets the same answer: again, from many threads, and after other photos."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from beautylens.collection import Collection, open_collection
from tests.conftest import Shop


def answer(collection: Collection, photo: Path) -> dict[str, Any]:
    found = collection.search(photo).to_dict()
    del found["milliseconds"]
    return found


def test_threads_repetitions_and_a_fresh_collection_change_no_digit(
    shop: Shop, collection: Collection
) -> None:
    photos = [shop.photo(number) for number in range(4)]
    first = [answer(collection, photo) for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(answer, [collection] * 12, photos * 3)) == first * 3
    fresh = open_collection(collection.gallery.address)
    assert [answer(fresh, photo) for photo in reversed(photos)] == first[::-1]
