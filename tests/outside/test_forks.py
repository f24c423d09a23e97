"""Processes that are forked after the library was used, as DataLoader, Pool and gunicorn do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from beautylens.collection import Collection
from tests.conftest import Shop

PATIENCE = 120.0

# In a file: processes that are spawned import it.
SCRIPT = """
import json, multiprocessing, sys
import beautylens as bl
from beautylens.runtime.threads import cores
from beautylens.text.ocr import shared_reader
from beautylens.images.decode import decode

photo, lens = sys.argv[1:3]

def opened():
    return bl.open(lens)

def answer_of(work, *given):
    try:
        return work(*given)
    except bl.BeautylensError as error:
        return str(error)

def first_of(collection):
    return collection.search(photo)[0].product.product_id

def in_pool(method, work, *given):
    with multiprocessing.get_context(method).Pool(4) as pool:
        jobs = [pool.apply_async(answer_of, (work, *given)) for _ in range(8)]
        return sorted({job.get(90) for job in jobs})
"""
ENCODE = """
encoder = bl.Encoder.load()
shared = encoder.shared_by(2)
pixels = decode(photo)

def describe():
    row, also = encoder([photo])[0], shared([photo])[0]
    read = len(shared_reader()(pixels)) > 0
    return round(float(row @ also), 2), read, cores().submit(int).result()

if __name__ == "__main__":
    here = describe()
    print(in_pool("fork", describe) == [here])
"""
SEARCH = """
def inherited():
    return first_of(collection)

def anew():
    return first_of(opened())

if __name__ == "__main__":
    collection = opened()
    here = first_of(collection)
    print(json.dumps(in_pool("fork", inherited)))
    print(json.dumps(in_pool("fork", anew)))
    print(in_pool("spawn", first_of, collection) == [here])
"""
WRITE = """
def inherited():
    return collection.remove("none")

def anew():
    return opened().remove("none")

if __name__ == "__main__":
    collection = opened()
    collection.remove("none")
    print(json.dumps(in_pool("fork", inherited)))
    print(json.dumps(in_pool("fork", anew)))
"""
UNOPENED = """
def anew():
    return first_of(opened())

if __name__ == "__main__":
    print(json.dumps(in_pool("fork", anew)))
"""


def said(script: str, shop: Shop, collection: Collection, folder: Path) -> list[str]:
    """The lines that a program prints."""
    file = folder / "program.py"
    file.write_text(SCRIPT + script, "utf-8")
    command = [sys.executable, str(file), str(shop.photo(0)), collection.gallery.address]
    done = subprocess.run(
        command, check=True, timeout=PATIENCE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    return done.stdout.splitlines()


def test_encoders_readers_and_worker_pools_work_on_in_forked_processes(
    shop: Shop, collection: Collection, tmp_path: Path
) -> None:
    assert said(ENCODE, shop, collection, tmp_path) == ["True"]


def test_forked_and_spawned_processes_search_a_collection(
    shop: Shop, collection: Collection, tmp_path: Path
) -> None:
    assert said(SEARCH, shop, collection, tmp_path) == ['["p00"]', '["p00"]', "True"]


def test_a_forked_process_is_refused_in_a_sentence_where_it_needs_lance(
    shop: Shop, collection: Collection, tmp_path: Path
) -> None:
    for answers in said(WRITE, shop, collection, tmp_path):
        (refused,) = json.loads(answers)
        assert refused.startswith(f"{collection.gallery.address} cannot be used in this process")
        assert "'spawn' or 'forkserver'" in refused


def test_workers_that_are_forked_before_a_collection_is_opened_open_it_themselves(
    shop: Shop, collection: Collection, tmp_path: Path
) -> None:
    assert said(UNOPENED, shop, collection, tmp_path) == ['["p00"]']
