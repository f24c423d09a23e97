"""One file for phones: any picture in, the encoder's descriptor out, in other runtimes too."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from beautylens.assemble.parts import picture_side  # noqa: E402  (as above)
from beautylens.cli import app  # noqa: E402  (after the skip)
from beautylens.errors import EncoderError  # noqa: E402  (after the skip)
from beautylens.features.encoder.encoder import Encoder  # noqa: E402  (as above)
from beautylens.images.decode import decode  # noqa: E402  (as above)
from beautylens.recipe.recipe import read_recipe  # noqa: E402  (as above)
from beautylens.recipe.settings import PoolingSettings  # noqa: E402  (as above)
from beautylens.train.portable import write_portable  # noqa: E402  (as above)
from tests.conftest import Shop, draw_pack  # noqa: E402  (as above)


def describe(file: Path, picture: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(file))
    return session.run(["descriptor"], {"picture": np.ascontiguousarray(picture)})[0]


@pytest.mark.parametrize("pooling", [None, "gem", "mac"])
def test_a_portable_file_describes_as_the_encoder_does(pooling: str | None, tmp_path: Path) -> None:
    chosen = None if pooling is None else PoolingSettings(name=pooling)
    # In single precision, as ONNX Runtime computes.
    encoder = Encoder.load("default", side=128, pooling=chosen, precision="f32")
    file = tmp_path / "phone.onnx"
    assert write_portable(encoder, file) > 0.999
    pack = draw_pack(3)[..., ::-1]
    for picture, least in [
        (encoder.fit(pack), 0.9999),
        (pack, 0.97),
        (pack[:, :150], 0.97),
        (np.repeat(np.repeat(pack, 3, axis=0), 3, axis=1), 0.97),
    ]:
        found = describe(file, picture)
        assert found.dtype == np.float32
        assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
        assert found @ encoder.describe([encoder.fit(picture)])[0] > least


def test_a_portable_file_is_compared_on_the_pictures_of_a_catalogue(
    shop: Shop, tmp_path: Path
) -> None:
    out = tmp_path / "phone.onnx"
    command = ["encoder", "portable", "default", str(out), "--table", str(shop.table)]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.output
    said = re.search(
        r"on (\d+) pictures of the table \((\w+) on .*\): mean (\d\.\d+), lowest (\d\.\d+)",
        answer.output.replace("\n", " "),
    )
    assert said is not None
    count, mean, lowest = int(said[1]), float(said[3]), float(said[4])
    paths = [shop.picture(number) for number in range(count)]
    # As indexing describes them, against the file's answer for all pixels.
    encoder = Encoder.load("default")
    side = picture_side(read_recipe("default"), encoder.side)
    expected = [
        float(encoder.describe([encoder.fit(decode(path, least_side=side))])[0] @ given)
        for path in paths
        for given in [describe(out, decode(path))]
    ]
    assert said[2] == encoder.precision
    assert mean == pytest.approx(np.mean(expected), abs=2e-4)
    assert lowest == pytest.approx(min(expected), abs=2e-4)


def test_a_class_token_is_carried_along(tmp_path: Path) -> None:
    from beautylens.features.export.backbones import build_backbone
    from beautylens.features.export.timm import export_backbone

    export_backbone(build_backbone("test_vit", seed=1), tmp_path / "vit")
    encoder = Encoder.load(tmp_path / "vit")
    assert encoder.spec.pooling.name == "class_token"
    assert write_portable(encoder, tmp_path / "vit.onnx") > 0.999


def test_a_portable_file_is_shown_as_one_and_refused_as_an_encoder(tmp_path: Path) -> None:
    encoder = Encoder.load("default", side=64)
    write_portable(encoder, file := tmp_path / "own.onnx")
    answer = CliRunner().invoke(app, ["encoder", "info", str(file), "--json"])
    facts = json.loads(answer.stdout)
    assert (facts["name"], facts["dimensions"]) == ("own", encoder.dimensions)
    assert facts["made_of"] == encoder.fingerprint
    with pytest.raises(EncoderError, match=f"is a portable file.*{encoder.fingerprint}"):
        Encoder.load(file)


def test_nothing_is_written_over_or_half(tmp_path: Path) -> None:
    encoder = Encoder.load("default", side=64)
    (tmp_path / "there.onnx").write_bytes(b"")
    with pytest.raises(EncoderError, match="already exists"):
        write_portable(encoder, tmp_path / "there.onnx")
    scaled = Encoder.load("default", side=64, scales=(1.0, 0.5))
    with pytest.raises(EncoderError, match="has several scales"):
        write_portable(scaled, tmp_path / "new.onnx")
    assert not (tmp_path / "new.onnx").exists()


WEB = Path(__file__).parents[2] / "benchmarks/web/node_modules/onnxruntime-web"


@pytest.mark.skipif(
    shutil.which("node") is None or not WEB.is_dir(),
    reason="needs Node and `npm install` in benchmarks/web",
)
def test_a_browser_runtime_gives_the_same_descriptor(tmp_path: Path) -> None:
    encoder = Encoder.load("default", side=128, precision="f32")
    file = tmp_path / "phone.onnx"
    write_portable(encoder, file)
    pack = np.ascontiguousarray(draw_pack(3)[..., ::-1])
    (tmp_path / "pack.rgb").write_bytes(pack.tobytes())
    height, width = pack.shape[:2]
    script = WEB.parents[1] / "describe.mjs"
    told = subprocess.run(
        ["node", script, file, tmp_path / "pack.rgb", str(height), str(width)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = np.array(json.loads(told.stdout)["descriptor"])
    np.testing.assert_allclose(found, describe(file, pack), atol=1e-4)
