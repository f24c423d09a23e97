"""What serving does where the system is Windows or macOS, as far as Linux can stand in for them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from beautylens.images.decode import DecodeOptions, decode
from beautylens.serve.keys import read_key
from beautylens.serve.wire import receive, send
from tests.images.pictures import saved, smooth

# Libraries first: they choose their parts by the system that there really is.
DECODER = """
import pydoc, sys
import cv2, beautylens.images.decode
sys.modules["resource"] = None
sys.platform = "{platform}"
from beautylens.serve import decoder
decoder.main()
"""


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_a_decoder_needs_no_limits_of_the_system(platform: str, tmp_path: Path) -> None:
    if platform == "darwin":
        hidden = DECODER.replace('sys.modules["resource"] = None\n', "")
    else:
        hidden = DECODER
    script = tmp_path / "decoder.py"
    script.write_text(hidden.format(platform=platform), "utf-8")
    data = saved(smooth(48, 64), "PNG")
    process = subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        requests, answers = process.stdin, process.stdout
        assert requests is not None
        assert answers is not None
        assert receive(answers) == {"ready": True}
        send(requests, {**asdict(DecodeOptions("photo")), "size": len(data)}, data)
        assert receive(answers)["needs"] > 0
        send(requests, {})
        assert receive(answers) == {"shape": [48, 64, 3], "scale": 1.0}
        pixels = np.frombuffer(answers.read(48 * 64 * 3), np.uint8).reshape(48, 64, 3)
        np.testing.assert_array_equal(pixels, decode(data))
    assert process.returncode == 0


def test_windows_has_no_modes_by_which_a_key_file_could_be_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text("a-key-that-is-long-enough", "utf-8")
    file.chmod(0o666)
    monkeypatch.setattr(sys, "platform", "win32")
    assert read_key(file) == "a-key-that-is-long-enough"
