"""Strangers' pictures are decoded elsewhere, as here, and whatever they do there stays there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from beautylens.errors import ImageError, ServeError
from beautylens.images.decode import DecodeOptions, decode_scaled
from beautylens.images.limits import Limits
from beautylens.serve.decoders import Decoders
from beautylens.serve.problems import HTTPProblem
from tests.images import bombs
from tests.images.pictures import saved, smooth, turned


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    running = Decoders(2, 1 << 30, seconds=20)
    yield running
    running.close()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "TIFF", "BMP"])
def test_a_picture_comes_back_as_it_is_decoded_here(decoders: Decoders, kind: str) -> None:
    options = {} if kind in ("GIF", "BMP") else {"exif": turned(6)}
    data = saved(smooth(480, 640), kind, **options)
    for least_side in (None, 200):
        here, there = (
            decode(data, DecodeOptions(least_side=least_side))
            for decode in (decode_scaled, decoders.decode)
        )
        np.testing.assert_array_equal(here.pixels, there.pixels)
        assert here.scale == there.scale
        assert there.pixels.flags.writeable


@pytest.mark.parametrize("data", [b"", b"nothing", saved(smooth(), "PNG")[:200]])
def test_errors_are_those_of_decoding_here(decoders: Decoders, data: bytes) -> None:
    said = []
    for decode in (decode_scaled, decoders.decode):
        with pytest.raises(ImageError) as error:
            decode(data, DecodeOptions("the photo", Limits(kinds=(".jpg", ".png"))))
        said.append(str(error.value))
    assert said[0] == said[1]


def test_a_picture_that_ends_its_process_fails_alone(decoders: Decoders) -> None:
    data = saved(smooth(), "PNG")
    decoders.decode(data)
    for pid in decoders.pids:
        os.kill(pid, signal.SIGKILL)
    # Whether it is noticed before or after the picture is sent.
    for _ in range(3):
        try:
            decoders.decode(data)
        except ImageError:
            continue
    assert decoders.decode(data).pixels.shape == (48, 64, 3)


def test_what_takes_too_long_is_ended() -> None:
    hasty = Decoders(1, 1 << 30, seconds=0.001)
    try:
        with pytest.raises(ImageError, match=r"^photo takes longer than 0\.001 seconds"):
            hasty.decode(saved(smooth(4000, 4000), "PNG"), DecodeOptions("photo"))
        assert not hasty.pids
    finally:
        hasty.close()


def test_a_process_that_cannot_start_is_no_fault_of_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit(1)", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    decoders = Decoders(1, 1 << 30)
    try:
        with pytest.raises(ServeError, match="does not start; run `"):
            decoders.decode(saved(smooth(), "PNG"))
    finally:
        decoders.close()


def test_memory_that_the_header_does_not_tell_of_is_not_to_be_had(tmp_path: Path) -> None:
    # As a decoder with a fault would take it; the limit is that of the process, not Python's.
    script = tmp_path / "greedy.py"
    script.write_text(
        "from beautylens.serve import decoder\n"
        "def greedy(*_, **__): bytearray(1 << 30)\n"
        "decoder.decode_scaled = greedy\n"
        "decoder._limit_memory(100 << 20)\n"
        "try: greedy()\n"
        "except MemoryError: print('refused')\n",
        "utf-8",
    )
    done = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "refused"


def test_one_large_picture_at_a_time_has_the_memory() -> None:
    decoders = Decoders(2, 1_000_000, seconds=0.2)
    try:
        with decoders._memory.holding(1_000_000), pytest.raises(HTTPProblem) as problem:
            decoders.decode(saved(smooth(400, 400), "PNG"))
        assert problem.value.status_code == 503
    finally:
        decoders.close()


def test_closing_ends_work_that_is_under_way() -> None:
    decoders = Decoders(1, 1 << 30, seconds=60)
    fault: list[BaseException] = []

    def work() -> None:
        try:
            decoders.decode(saved(smooth(4000, 4000), "PNG"))
        except BaseException as error:  # noqa: BLE001  (whatever it is, the thread ends)
            fault.append(error)

    # Held back until it waits for memory, so that it surely is under way.
    with decoders._memory.holding(1 << 30):
        thread = threading.Thread(target=work)
        thread.start()
        while not decoders._memory._turns:
            pass
        (pid,) = decoders.pids
        decoders.close()
    thread.join(30)
    assert not thread.is_alive()
    assert len(fault) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_decoder_has_none_of_the_servers_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAUTYLENS_KEY", "a-secret-of-the-server")
    decoders = Decoders(1, 1 << 30)
    try:
        decoders.decode(saved(smooth(), "PNG"))
        (pid,) = decoders.pids
        assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        decoders.close()


@pytest.mark.parametrize("bomb", [bombs.png_of_empty_chunks, bombs.jpeg_of_scans])
def test_what_holds_too_much_is_refused_there_too(
    decoders: Decoders, bomb: Callable[[], bytes]
) -> None:
    with pytest.raises(ImageError, match="has more than"):
        decoders.decode(bomb(), DecodeOptions(limits=Limits(max_scans=64)))
