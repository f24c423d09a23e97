"""Many threads that use the native libraries for the first time together, in many processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from beautylens.collection import Collection
from tests.conftest import Shop

pytestmark = pytest.mark.alone

PROCESSES = 40
PATIENCE = 60.0

PREAMBLE = """
import sys, threading
import beautylens as bl
from beautylens.images.decode import decode
photo, lens = sys.argv[1:]

def together(*works):
    start, failed = threading.Barrier(8), []
    def one(work):
        start.wait()
        try:
            work()
        except BaseException as error:
            failed.append(error)
    threads = [threading.Thread(target=one, args=(works[n % len(works)],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
"""
ENCODER = "encoder = bl.Encoder.load(); together(lambda: encoder([photo]))"
SEARCH = "collection = bl.open(lens); together(lambda: collection.search(photo))"
ALL = """
from beautylens.features.local.extractors import rootsift
from beautylens.features.local.nearest import Nearest
from beautylens.text.ocr import Reader
from beautylens.text.codes import read_barcodes

encoder, reader, pixels = bl.Encoder.load(), Reader(), decode(photo)
def match():
    found = rootsift()(pixels, longest=640, limit=500).descriptors
    Nearest(found, ratio=0.8, mutual=True)([found, found])
together(
    lambda: encoder([photo]), match, lambda: reader(pixels), lambda: read_barcodes(pixels)
)
"""


@pytest.mark.parametrize(
    ("work", "processes"),
    [(ENCODER, PROCESSES), (SEARCH, PROCESSES // 4), (ALL, PROCESSES // 4)],
    ids=["encoder", "search", "every binding"],
)
def test_threads_that_use_a_library_first_together_never_wait_for_ever(
    work: str, processes: int, shop: Shop, collection: Collection
) -> None:
    arguments = [str(shop.photo(0)), collection.gallery.address]
    for _ in range(processes):
        # A process that hangs raises TimeoutExpired.
        subprocess.run(
            [sys.executable, "-c", PREAMBLE + work, *arguments], check=True, timeout=PATIENCE
        )


def test_ctrl_c_ends_threads_that_are_at_their_first_inference(shop: Shop, tmp_path: Path) -> None:
    begun = "print('begun', flush=True)\n"
    endless = (
        "encoder = bl.Encoder.load()\ntogether(lambda: [encoder([photo]) for _ in range(9999)])"
    )
    # A process that a shell starts in the background ignores the interrupt, and so do its children.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    script = heed + PREAMBLE.replace("Thread(", "Thread(daemon=True, ") + begun + endless
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(shop.photo(0)), str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in told
