"""Mirroring: changes of a gallery that make it equal to a catalogue table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from beautylens.catalogue.table import Catalogue
from beautylens.errors import CollectionError, ImageError
from beautylens.files.paths import AnyPath, RemotePath
from beautylens.images.files import read_bytes
from beautylens.ingest.fill import Describe, Filled, fill, rows_of
from beautylens.ingest.mirror_plan import DESCRIBED, Cells, Plan
from beautylens.ingest.progress import OnProgress, silent
from beautylens.ingest.row_failures import record_row_failures
from beautylens.inputs.counts import counted
from beautylens.runtime.prefetch import batches, prefetch
from beautylens.store.columns import file_digest
from beautylens.store.gallery import Gallery
from beautylens.store.schema import PLAIN

_THREADS, _COMMIT_ROWS = 8, 10_000


def plan_mirror(gallery: Gallery, catalogue: Catalogue, *, recheck: bool = False) -> Plan:
    """Return what makes a gallery equal to a catalogue.

    Picture files on this machine and in object storage are compared by their content. A picture on
    the web is the same if its address is, because each would have to be downloaded.

    Args:
        gallery: with any products.
        catalogue: the table.
        recheck: compare pictures on the web, too.
    """
    names = (*PLAIN[1:], *dict.fromkeys((*catalogue.extra, *gallery.rows.extra)), "path")
    stored = _stored(gallery, names)
    listed = {row["image_id"]: _listed(row, names, catalogue) for row in rows_of(catalogue)}
    changed = _changed_files(stored, listed, catalogue, recheck=recheck)
    failed = {failure.image_id for failure in gallery.failures.all()}
    before, after = _images_by_product(stored), _images_by_product(listed)
    groups: dict[str, list[str]] = defaultdict(list)
    cells: dict[str, Cells] = {}
    new_images: dict[str, frozenset[str]] = {}
    for product, images in after.items():
        former = before.get(product, frozenset())
        new = (images - former) | (images & changed)
        if new and new <= failed and (former <= images or not former & images):
            group = "retried"
        elif not former:
            group = "added"
        elif images != former or new:
            group = "pictured"
        else:
            other = {image: listed[image] for image in images if not _equal(stored, listed, image)}
            cells |= {
                image: {**new, "digest": stored[image]["digest"]} for image, new in other.items()
            }
            group = "updated" if other else "unchanged"
        groups[group].append(product)
        if group in DESCRIBED:
            # A product that lost a picture stays as it is only if it has no other.
            new_images[product] = new if former <= images else images
    groups["removed"] = [product for product in before if product not in after]
    plan = {name: tuple(ids) for name, ids in groups.items()}
    return Plan(**plan, cells=cells, new_images=new_images)


def mirror(
    gallery: Gallery,
    catalogue: Catalogue,
    plan: Plan,
    describer: Describe,
    *,
    stop_on_error: bool = False,
    progress: OnProgress = silent,
) -> tuple[Plan, Filled]:
    """Carry out a plan: describe new pictures, update columns, then remove products.

    A product of whose pictures none can be read now, such as during an outage of their host, keeps
    its former ones until one can.

    Each batch is one commit. If the process is killed, a new plan has what is left. Returned are
    the plan as it was carried out, and the pictures described.

    Args:
        gallery: that the plan was made for.
        catalogue: that the plan was made for.
        plan: from `plan_mirror`.
        describer: describes the pictures.
        stop_on_error: raise at the first picture that cannot be read, instead of recording it.
        progress: called after every image.

    Raises:
        ImageError: when a picture cannot be read and `stop_on_error` is set.
    """
    ids = catalogue.rows["product_id"]
    wanted = [*plan.added, *plan.pictured, *plan.retried]
    some = catalogue.rows.filter(pc.is_in(ids, pa.array(wanted, ids.type)))
    described = replace(catalogue, rows=some)
    if wanted:
        filled = fill(
            gallery,
            described,
            describer,
            resume=False,
            stop_on_error=stop_on_error,
            progress=progress,
        )
    else:
        record_row_failures(gallery, catalogue, described)
        filled = Filled(0, 0, (), catalogue.notes)
    write_cells(gallery, plan.cells or {})
    if plan.removed:
        gallery.delete(plan.removed)
    gallery.failures.delete(_gone(gallery, ids.to_pylist()))
    unreadable = {failure.image_id for failure in filled.failures}
    filled = replace(filled, present=len(catalogue) - len(some))
    return plan.carried_out(unreadable), filled


def refuse_losses(plan: Plan, name: str) -> None:
    """Refuse a plan that removes at least half of the products.

    Raises:
        CollectionError: with both numbers.
    """
    if plan.removed and 2 * len(plan.removed) >= plan.stored:
        raise CollectionError(
            f"{name} lacks {len(plan.removed):,} of the collection's "
            f"{counted(plan.stored, 'product')}, which would be removed; if the table is complete, "
            "mirror it with --yes"
        )


def is_of_another_shop(gallery: Gallery, catalogue: Catalogue) -> bool:
    """Return whether most products of a gallery are not in a table, and most of the table new."""
    stored = set(gallery.rows.ids("product_id").to_pylist())
    listed = set(catalogue.rows["product_id"].to_pylist())
    return 2 * len(stored - listed) > len(stored) and 2 * len(listed - stored) > len(listed)


def _stored(gallery: Gallery, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    present = [name for name in names if gallery.rows.has(name)]
    columns = ["image_id", "digest", *present]
    empty = dict.fromkeys(names, "")
    return {
        row["image_id"]: empty | row
        for batch in gallery.rows.stream(columns)
        for row in batch.to_pylist()
    }


def _listed(row: Mapping[str, Any], names: Sequence[str], catalogue: Catalogue) -> dict[str, str]:
    cells = {name: row.get(name, "") for name in names}
    return cells | {"path": str(catalogue.image_path(row["image"]).absolute())}


def _changed_files(
    stored: Mapping[str, Cells],
    listed: Mapping[str, Cells],
    catalogue: Catalogue,
    *,
    recheck: bool,
) -> set[str]:
    """Return the images that have another content than the stored one."""
    known = [image for image in listed if image in stored]
    read = partial(_digest, stored, listed, catalogue, recheck=recheck)
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = prefetch(pool, read, known, 4 * _THREADS)
        return {
            image
            for image, digest in zip(known, digests, strict=True)
            if digest not in (None, stored[image]["digest"])
        }


def _digest(
    stored: Mapping[str, Cells],
    listed: Mapping[str, Cells],
    catalogue: Catalogue,
    image: str,
    *,
    recheck: bool,
) -> str | None:
    """Return the digest of a picture; None if it need not or cannot be read."""
    path: AnyPath = catalogue.image_path(listed[image]["image"])
    on_web = isinstance(path, RemotePath) and path.is_on_web
    if on_web and not recheck and stored[image]["path"] == listed[image]["path"]:
        return None
    try:
        return file_digest(read_bytes(path))
    except ImageError:
        return None


def _images_by_product(images: Mapping[str, Cells]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for image, cells in images.items():
        found.setdefault(cells["product_id"], set()).add(image)
    return {product: frozenset(ids) for product, ids in found.items()}


def _equal(stored: Mapping[str, Cells], listed: Mapping[str, Cells], image: str) -> bool:
    return all(stored[image][name] == cell for name, cell in listed[image].items())


def write_cells(gallery: Gallery, cells: Mapping[str, Cells]) -> None:
    """Write text columns of images, each batch in one commit.

    Args:
        gallery: has the images.
        cells: by image id the `digest` of its file and the new cells, the same for all.
    """
    for batch in batches(list(cells.items()), _COMMIT_ROWS):
        names = [name for name in batch[0][1] if name != "product_id"]
        gallery.rows.add_columns(name for name in names if name not in ("path", "digest"))
        columns = {name: pa.array([new[name] for _, new in batch], pa.string()) for name in names}
        ids = pa.array([image for image, _ in batch], pa.string())
        gallery.rows.replace(pa.table({"image_id": ids, **columns}))


def _gone(gallery: Gallery, product_ids: Iterable[str]) -> list[str]:
    """Return the products with failures that the table does not have."""
    listed = set(product_ids)
    logged = {failure.product_id for failure in gallery.failures.all()}
    return sorted(logged - listed - {""})
