"""Mirroring any table over any other gives what filling an empty gallery with it gives.

Except that products without any readable picture keep their former ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from beautylens.catalogue.table import Catalogue, read_catalogue
from beautylens.errors import ImageError
from beautylens.files.paths import AnyPath, path_in
from beautylens.images.files import read_bytes
from beautylens.ingest.fill import Described, Row, fill
from beautylens.ingest.mirror import mirror, plan_mirror
from beautylens.store.columns import file_digest
from beautylens.store.failures import Failure
from beautylens.store.gallery import Gallery
from tests.conftest import write_table

FILES = ("a.jpg", "b.jpg", "gone.jpg")

Product = tuple[tuple[str, ...], str, str]


def describe(rows: Iterable[Row], folder: AnyPath) -> Iterator[Described | Failure]:
    """Describe files by their content alone, as an encoder does, but without one."""
    for row in rows:
        try:
            data = read_bytes(path_in(folder, row["image"]))
        except ImageError as error:
            ids = (row["image_id"], row["product_id"], row["image"], row["row"])
            yield Failure(*ids, str(error))
            continue
        vector = np.array([len(data), data[0]], np.float32)
        yield Described(row, file_digest(data), vector, "float32", None, b"", None)


shops = st.dictionaries(
    st.sampled_from(["p", "q", "r", "s/t"]),
    st.tuples(
        st.lists(st.sampled_from(FILES), min_size=1, max_size=3, unique=True).map(tuple),
        st.sampled_from(["", "Soap", "Öl"]),
        st.sampled_from(["", "3", "4,50 €"]),
    ),
    min_size=1,
)
contents = st.tuples(*[st.binary(min_size=1, max_size=2)] * 2)


def written(
    folder: Path, shop: dict[str, Product], files: Sequence[bytes], *, priced: bool
) -> Catalogue:
    """Write the table and the files of a shop; `gone.jpg` is in none."""
    for name, content in zip(FILES, files, strict=False):
        (folder / name).write_bytes(content)
    rows = [
        {"product_id": product, "image": ";".join(images), "name": name}
        | ({"price": price} if priced else {"shade": price})
        for product, (images, name, price) in shop.items()
    ]
    return read_catalogue(write_table(folder / "table.csv", rows))


def state(gallery: Gallery) -> tuple[list[dict[str, Any]], set[tuple[str, str]]]:
    rows = gallery.rows.select([*gallery.rows.text_columns, "path", "digest", "descriptor"])
    found = [{n: v for n, v in row.items() if v != ""} for row in rows.to_pylist()]
    failed = {(each.image_id, each.error) for each in gallery.failures.all()}
    return sorted(found, key=lambda row: row["image_id"]), failed


def products_in(gallery: Gallery) -> set[str]:
    return set(gallery.rows.ids("product_id").to_pylist())


@settings(max_examples=15, phases=[Phase.explicit, Phase.generate])
@given(before=shops, after=shops, old=contents, new=contents, priced=st.booleans())
def test_mirroring_equals_filling_an_empty_gallery(
    before: dict[str, Product],
    after: dict[str, Product],
    old: tuple[bytes, bytes],
    new: tuple[bytes, bytes],
    priced: bool,
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        gallery = Gallery.create(folder / "a.lens", dimensions=2, settings={})
        fill(gallery, written(folder, before, old, priced=True), describe, resume=False)
        catalogue = written(folder, after, new, priced=priced)
        stored = products_in(gallery)
        plan = plan_mirror(gallery, catalogue)
        done, _ = mirror(gallery, catalogue, plan, describe)
        assert products_in(gallery) == set(after) - (set(done.failed) - stored)
        fresh = Gallery.create(folder / "b.lens", dimensions=2, settings={})
        fill(fresh, catalogue, describe, resume=False)
        unreadable = {product for product, (images, _, _) in after.items() if images == FILES[2:]}
        mirrored, failures = state(gallery)
        # Products without any readable picture keep their former ones.
        kept = [row for row in mirrored if row["product_id"] not in unreadable]
        assert (kept, failures) == state(fresh)
        again = plan_mirror(gallery, catalogue)
        assert (again.added, again.pictured, again.updated, again.removed) == ((), (), (), ())
        failing = {product for product, (images, _, _) in after.items() if "gone.jpg" in images}
        assert set(again.retried) == failing
