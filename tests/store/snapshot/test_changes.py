"""The snapshot after changes: the next search is right, whatever became of the snapshot."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from beautylens.search.retrieve import nearest
from beautylens.store.gallery import Gallery
from beautylens.store.snapshot import snapshot as snapshots
from tests.store.snapshot.galleries import make, rows, unit, without_snapshot


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    made = make(tmp_path / "g.lens", 40)
    made.write_snapshot()
    return made


def found(gallery: Gallery, seed: int = 0) -> list[str]:
    return [match.image_id for match in nearest(gallery, unit(seed), 500)]


def first(gallery: Gallery, seed: int) -> str:
    return nearest(gallery, unit(1000 * seed), 1)[0].product.product_id


def assert_right(gallery: Gallery) -> None:
    lance = without_snapshot(gallery)
    assert found(gallery) == found(lance)
    words = (each.words.search(["rouge dior"], 500) for each in (gallery, lance))
    assert len({frozenset(each) for each in words}) == 1
    ids = found(gallery)[:20]
    stored = (each.rows.keypoints(ids) for each in (gallery, lance))
    assert len({str({i: k.to_bytes() for i, k in sorted(e.items())}) for e in stored}) == 1


def test_a_change_counts_in_the_next_search_of_another_gallery(gallery: Gallery) -> None:
    reader = Gallery(gallery.address)
    assert first(reader, 3) == "p0003"
    gallery.upsert(rows({"new": 77}))
    assert first(reader, 77) == "new"
    gallery.write_snapshot()
    assert reader.has_snapshot
    assert first(reader, 77) == "new"
    gallery.delete(["p0003"])
    assert first(reader, 3) != "p0003"
    gallery.write_snapshot()
    assert reader.has_snapshot
    assert first(reader, 3) != "p0003"
    assert reader.rows.count() == 40
    gallery.upsert(rows({"new": 78}))
    gallery.write_snapshot()
    assert first(reader, 78) == "new"
    assert reader.products.count() == 40


def test_any_sequence_of_changes_leaves_the_snapshot_right(gallery: Gallery) -> None:
    chosen = random.Random(0)  # noqa: S311  (an example, not a secret)
    for step in range(30):
        products = [f"p{chosen.randrange(60):04}" for _ in range(chosen.choice((1, 1, 2, 9)))]
        if chosen.random() < 0.3:
            gallery.delete(products)
        else:
            gallery.upsert(rows(dict.fromkeys(products, step + 100)))
        if chosen.random() < 0.2:
            gallery.rows.table.newest()
            with gallery.rows.table.writing() as dataset:
                dataset.optimize.compact_files()
        gallery.write_snapshot()
        assert gallery.has_snapshot
        assert_right(gallery)
    # Parts are merged as they get more: there are about as many as the rows can be doubled.
    manifest = json.loads((Path(gallery.address) / "snapshot" / "manifest.json").read_text())
    assert len(manifest["tables"]["images"]["parts"]) <= 7


def test_changed_columns_and_added_ones_are_read_again(gallery: Gallery) -> None:
    before = next(Path(gallery.address).glob("snapshot/*/keypoints.bin"))
    known = before.stat().st_ino
    gallery.delete(["p0004"])
    gallery.rows.add_columns(["shade"])
    gallery.rows.replace(
        rows({"p0005": 5}).select(["image_id", "digest"]).append_column("shade", [["999"]])
    )
    gallery.write_snapshot()
    assert gallery.has_snapshot
    assert_right(gallery)
    # Keypoints and vectors were not written again.
    after = next(Path(gallery.address).glob("snapshot/*/keypoints.bin"))
    assert (after.parent != before.parent, after.stat().st_ino) == (True, known)
    product = gallery.products.images("p0005")[0].product
    assert product.metadata["shade"] == "999"
    assert gallery.rows.extra == ("Price", "price", "shade")
    assert [m.product.product_id for m in gallery.rows.matching("`shade` = '999'")] == ["p0005"]


def test_a_changed_artefact_counts_at_once(gallery: Gallery) -> None:
    reader = Gallery(gallery.address)
    gallery.artefacts.put("sharing", b"a")
    assert reader.artefacts.get("sharing") == b"a"
    gallery.write_snapshot()
    assert reader.has_snapshot
    assert reader.artefacts.get("sharing") == b"a"
    assert reader.artefacts.get("vlad") == b"words"


def test_a_search_catches_up_with_few_rows_and_leaves_many(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery.upsert(rows({"new": 77}))
    assert not gallery.has_snapshot
    gallery.catch_up()
    assert gallery.has_snapshot
    monkeypatch.setattr(snapshots, "_CAUGHT_UP_ROWS", 2)
    gallery.upsert(rows({f"x{number}": number for number in range(200, 205)}))
    gallery.catch_up()
    assert not gallery.has_snapshot
    assert_right(gallery)


def damage_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format": 1, "stamp"')


def empty_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")


def change_format(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"format": 1', '"format": 0', 1))


def cut_off(folder: Path) -> None:
    file = max(folder.glob("*/keypoints.bin"))
    file.write_bytes(file.read_bytes()[:-1])


def remove_part(folder: Path) -> None:
    file = max(folder.glob("*/rows.sqlite"))
    for each in file.parent.iterdir():
        each.unlink()
    file.parent.rmdir()


def damage_database(folder: Path) -> None:
    for file in folder.glob("*/rows.sqlite"):
        file.write_bytes(bytes(file.stat().st_size))


def remove_all(folder: Path) -> None:
    for each in sorted(folder.rglob("*"), reverse=True):
        each.unlink() if each.is_file() else each.rmdir()
    folder.rmdir()


@pytest.mark.parametrize(
    "damage",
    [
        damage_manifest,
        empty_manifest,
        change_format,
        cut_off,
        remove_part,
        damage_database,
        remove_all,
    ],
)
def test_a_damaged_snapshot_is_ignored_and_written_again(gallery: Gallery, damage: object) -> None:
    assert callable(damage)
    damage(Path(gallery.address) / "snapshot")
    opened = Gallery(gallery.address)
    assert not opened.has_snapshot
    assert_right(opened)
    opened.write_snapshot()
    assert opened.has_snapshot
    assert_right(opened)


def test_a_reader_keeps_the_files_it_has_open_while_they_are_replaced(gallery: Gallery) -> None:
    reader = Gallery(gallery.address)
    near = reader.vectors.search(unit(0), 500)
    gallery.upsert(rows(range(100, 200)))
    gallery.write_snapshot()
    matches, (vectors,) = reader.rows.at(near, ["descriptor"])
    assert len(matches) == 40
    np.testing.assert_allclose(sorted(near.values()), sorted(vectors @ unit(0)), atol=1e-5)
    assert_right(reader)


KILLED = """
import os, sys
from beautylens.store.gallery import Gallery
from beautylens.store.snapshot import refresh, write_texts
def killed(*_, **__): os.kill(os.getpid(), 9)
step = sys.argv[2]
if step == "texts": write_texts.TextWriter.close = killed
if step == "part": refresh._artefacts = killed
if step == "manifest": refresh.write_manifest = killed
if step == "removal": refresh._remove_others = killed
Gallery(sys.argv[1]).write_snapshot()
"""


@pytest.mark.parametrize("step", ["texts", "part", "manifest", "removal"])
def test_a_process_killed_while_it_writes_leaves_the_next_search_right(
    gallery: Gallery, step: str
) -> None:
    gallery.upsert(rows({"new": 77, "p0004": 4004}))
    gallery.delete(["p0003"])
    command = [sys.executable, "-c", KILLED, gallery.address, step]
    assert subprocess.run(command, check=False).returncode == -9
    opened = Gallery(gallery.address)
    assert_right(opened)
    opened.write_snapshot()
    assert opened.has_snapshot
    assert_right(opened)
    opened.upsert(rows({"newer": 79}))
    opened.write_snapshot()
    assert not list((Path(gallery.address) / "snapshot").glob(".[!w]*"))


OTHER = """
import json, sys
import numpy as np
from beautylens.search.retrieve import nearest
from beautylens.store.gallery import Gallery
gallery = Gallery(sys.argv[1])
vector = np.array(json.loads(sys.argv[2]), np.float32)
found = [match.image_id for match in nearest(gallery, vector, 500, "`category` <> ''")]
gallery.words.search(["rouge"], 5)
gallery.rows.keypoints(found)
print(json.dumps([found, "lance" in sys.modules]))
"""


def test_other_processes_read_the_same_files_without_lance(gallery: Gallery) -> None:
    expected = found(gallery)
    command = [sys.executable, "-c", OTHER, gallery.address, json.dumps(unit(0).tolist())]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [json.loads(process.communicate()[0]) for process in running]
    assert answers == [[expected, False]] * 2
