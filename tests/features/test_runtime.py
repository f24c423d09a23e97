"""The runtime keeps to itself: no usage reports, no imports that a user did not ask for."""

from __future__ import annotations

import subprocess
import sys

PROBE = """
import os, socket, sys
def refuse(*_arguments, **_options):
    raise SystemExit("tried to reach the network or to fork")
socket.socket.connect = refuse
os.fork = refuse
import numpy as np
from beautylens import Encoder
Encoder.load()([np.zeros((40, 40, 3), np.uint8)])
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


def test_encoding_neither_forks_nor_reaches_the_network_nor_needs_pytorch() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "openvino" in loaded
    assert not loaded & {"openvino_telemetry", "torch", "timm", "onnx", "sklearn", "matplotlib"}
