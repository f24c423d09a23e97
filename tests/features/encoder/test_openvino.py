"""The runtime keeps to itself: no usage reports, no imports that a user did not ask for."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from beautylens.errors import EncoderError
from beautylens.features.encoder import precision as precisions
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.openvino import Network
from beautylens.features.encoder.precision import Precision
from beautylens.features.export.parity import probe_pictures
from beautylens.runtime.openvino import ISA_VARIABLE, has_bfloat16
from tests.conftest import draw_pack

DEFAULT = Path(str(resources.files("beautylens") / "features/encoder/weights/default/graph.onnx"))

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


@pytest.mark.parametrize("precision", [None, "f32"])
def test_outputs_hold_the_same_maps(precision: Precision | None) -> None:
    network = Network(DEFAULT, (127.5,) * 3, (127.5,) * 3, 64, precision=precision)
    pictures = probe_pictures(64, 2)
    (only,) = network.outputs(pictures)
    np.testing.assert_array_equal(only, network(pictures))


def test_the_processors_own_precision_changes_descriptors_a_little() -> None:
    # bfloat16 keeps eight bits of each value: cosines stay above .99 for any picture.
    pictures = [draw_pack(number) for number in range(3)]
    own, single = (Encoder.load(precision=each)(pictures) for each in (None, "f32"))
    assert (own * single).sum(axis=1).min() > 0.99


def test_the_environment_names_the_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: True)
    for named in ("f32", "bf16"):
        monkeypatch.setenv("BEAUTYLENS_PRECISION", named)
        assert Encoder.load().precision == named
    monkeypatch.delenv("BEAUTYLENS_PRECISION")
    assert Encoder.load().precision == "bf16"
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: False)
    assert Encoder.load().precision == "f32"
    monkeypatch.setenv("BEAUTYLENS_PRECISION", "fp16")
    with pytest.raises(EncoderError, match="BEAUTYLENS_PRECISION is 'fp16'; set it to f32 or bf16"):
        _ = Encoder.load().precision


def test_bfloat16_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: False)
    with pytest.raises(EncoderError, match="the precision is 'bf16', but the networks run in f32"):
        Encoder.load(precision="bf16")
    monkeypatch.setenv("BEAUTYLENS_PRECISION", "bf16")
    with pytest.raises(EncoderError, match="BEAUTYLENS_PRECISION is 'bf16', but the networks run"):
        _ = Encoder.load().precision


@pytest.mark.parametrize("level", ["AVX2", "avx512_core_vnni"])
def test_a_level_of_onednn_without_bfloat16_hides_it(
    monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    monkeypatch.setenv(ISA_VARIABLE, level)
    assert not has_bfloat16.__wrapped__()


@pytest.mark.parametrize(
    ("native", "recorded", "searched"),
    [
        ("f32", "f32", "f32"), ("bf16", "f32", "f32"), ("bf16", "bf16", "bf16"),
        ("f32", "bf16", "f32"), ("f32", None, "f32"), ("bf16", None, "bf16"),
    ],
)  # fmt: skip
def test_a_gallery_is_searched_in_the_precision_that_described_it_where_there_is_any(
    monkeypatch: pytest.MonkeyPatch, native: Precision, recorded: Precision, searched: Precision
) -> None:
    monkeypatch.delenv("BEAUTYLENS_PRECISION", raising=False)
    monkeypatch.setattr(precisions, "_native_precision", lambda: native)
    assert precisions.precision_like(recorded) == searched
    monkeypatch.setenv("BEAUTYLENS_PRECISION", "f32")
    assert precisions.precision_like(recorded) == "f32"
