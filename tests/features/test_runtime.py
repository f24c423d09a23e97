"""The runtime keeps to itself: no usage reports, no imports that a user did not ask for."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np

from beautylens.features.agreement import probe_pictures
from beautylens.features.pooling import spoc
from beautylens.features.runtime import Network

DEFAULT = Path(str(resources.files("beautylens") / "features/weights/default/graph.onnx"))

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


def test_precision_changes_the_maps_a_little_and_outputs_hold_the_same_maps() -> None:
    maps = {}
    pictures = probe_pictures(64, 2)
    for precision in (None, "f32"):
        network = Network(DEFAULT, (127.5,) * 3, (127.5,) * 3, 64, precision=precision)
        maps[precision] = network(pictures)
        (only,) = network.outputs(pictures)
        np.testing.assert_array_equal(only, maps[precision])
    cosine = (spoc(maps[None]) * spoc(maps["f32"])).sum(axis=1)
    assert cosine.min() > 0.99
