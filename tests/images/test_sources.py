from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beautylens.collection import Collection
from beautylens.errors import ImageError
from beautylens.images.decode import decode
from beautylens.images.limits import Limits
from tests.conftest import Shop


class Named:
    """A path of another library."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


def test_a_photo_is_the_same_however_it_is_given(shop: Shop, collection: Collection) -> None:
    path = shop.photo(0)
    data = path.read_bytes()
    used = io.BytesIO(data)
    used.read()
    with path.open("rb") as file, path.open("rb", buffering=0) as raw:
        given = (
            path, str(path), Named(path), data, bytearray(data), memoryview(data), io.BytesIO(data),
            used, file, raw,
        )  # fmt: skip
        expected = decode(path)
        for each in given:
            np.testing.assert_array_equal(decode(each), expected)
            assert collection.search(each)[0].product.product_id == "p00"
    for each in (expected, Image.open(path)):
        assert collection.search(each)[0].product.product_id == "p00"


def test_a_pipe_is_read_to_its_end(shop: Shop) -> None:
    data = shop.photo(0).read_bytes()
    assert len(data) < 65_536  # what a pipe holds while nobody reads
    reading, writing = os.pipe()
    with open(writing, "wb") as into:  # noqa: PTH123  (a descriptor, no path)
        into.write(data)
    with open(reading, "rb", buffering=0) as file:  # noqa: PTH123
        np.testing.assert_array_equal(decode(file), decode(data))


def test_a_spooled_file_of_an_upload_is_read(shop: Shop) -> None:
    with tempfile.SpooledTemporaryFile() as file:
        file.write(shop.photo(0).read_bytes())
        np.testing.assert_array_equal(decode(file), decode(shop.photo(0)))


def test_an_open_file_is_not_read_beyond_the_limit() -> None:
    class Endless:
        given = 0

        def read(self, size: int) -> bytes:
            self.given += size
            return bytes(size)

    endless = Endless()
    with pytest.raises(ImageError, match="bytes, more than 1,000"):
        decode(endless, limits=Limits(max_bytes=1000))
    assert endless.given == 1001


def test_what_is_no_picture_is_refused_in_a_sentence(shop: Shop) -> None:
    closed = io.BytesIO(shop.photo(0).read_bytes())
    closed.close()
    wrong = {
        "the photo is a file opened in text mode; open it with mode 'rb'": io.StringIO("a"),
        "the photo cannot be read (I/O operation on closed file.); open its file again": closed,
        "the photo is empty; export or download the picture again": io.BytesIO(),
        "the photo is of type int; give a path, the bytes of a file, an open file, an RGB array "
        "or a PIL image": 7,
        "the photo is of type list; give a path, the bytes of a file, an open file, an RGB array "
        "or a PIL image": [shop.photo(0)],
    }
    for sentence, given in wrong.items():
        with pytest.raises(ImageError) as caught:
            decode(given, name="the photo")  # type: ignore[arg-type]
        assert str(caught.value) == sentence
