"""Encoders: loading, fingerprints, and what the shipped default promises."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from beautylens.errors import EncoderError, RecipeError
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.pooling import POOLINGS
from beautylens.recipe.settings import PoolingSettings
from tests.conftest import draw_pack, photograph

DEFAULT = Path(str(resources.files("beautylens") / "features/encoder/weights/default"))


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load()


def test_descriptors_are_unit_rows_one_a_picture(encoder: Encoder) -> None:
    found = encoder([draw_pack(number) for number in range(18)])
    assert found.shape == (18, encoder.dimensions)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_no_pictures_give_no_rows(encoder: Encoder) -> None:
    assert encoder([]).shape == (0, encoder.dimensions)


def test_a_photo_is_nearest_to_its_own_pack(encoder: Encoder) -> None:
    drawn = [draw_pack(number) for number in range(4)]
    packs = encoder([np.ascontiguousarray(pack[..., ::-1]) for pack in drawn])
    photos = [photograph(pack, number)[..., ::-1] for number, pack in enumerate(drawn)]
    found = np.stack([encoder.describe_views(photo, (1.0, 0.75)) for photo in photos])
    assert (found @ packs.T).argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_one_whole_view_is_the_plain_descriptor(encoder: Encoder) -> None:
    pack = draw_pack(3)
    np.testing.assert_allclose(encoder.describe_views(pack, (1.0,)), encoder([pack])[0], atol=1e-6)


def test_a_picture_is_described_alike_alone_and_in_a_batch(encoder: Encoder) -> None:
    packs = [draw_pack(number) for number in range(5)]
    alone = np.concatenate([encoder([pack]) for pack in packs])
    assert (alone * encoder(packs)).sum(axis=1).min() > 0.999


def test_an_encoder_shared_by_several_threads_describes_as_it_does_alone(encoder: Encoder) -> None:
    shared = encoder.shared_by(3)
    pictures = [draw_pack(number) for number in range(7)]
    with ThreadPoolExecutor(3) as pool:
        found = np.stack(list(pool.map(lambda picture: shared([picture])[0], pictures)))
    assert (found * encoder(pictures)).sum(axis=1).min() > 0.999
    assert shared.fingerprint == encoder.fingerprint


def test_one_pass_through_the_network_serves_every_pooling(encoder: Encoder) -> None:
    fitted = np.stack([encoder.fit(draw_pack(number)) for number in range(3)])
    ((maps, _),) = encoder.outputs(fitted)
    assert maps.shape == (3, 1280, 12, 12)
    assert maps.min() >= 0
    for name in sorted(set(POOLINGS) - {encoder.spec.pooling.name}):
        other = Encoder.load(pooling=PoolingSettings(name=name))
        np.testing.assert_allclose(other.describe(fitted), POOLINGS[name](maps), atol=1e-5)


def test_the_fingerprint_follows_everything_a_descriptor_depends_on(tmp_path: Path) -> None:
    plain = Encoder.load()
    assert plain.fingerprint == Encoder.load("default").fingerprint
    assert plain.fingerprint != Encoder.load(side=320).fingerprint
    assert plain.fingerprint != Encoder.load(pooling=PoolingSettings(name="mac")).fingerprint
    folder = Path(shutil.copytree(DEFAULT, tmp_path / "mine"))
    assert Encoder.load(folder).fingerprint == plain.fingerprint
    (folder / "whitening.npz").unlink()
    assert Encoder.load(folder).fingerprint != plain.fingerprint


def test_another_pooling_leaves_out_the_whitening_learnt_on_the_first() -> None:
    assert Encoder.load().whitening is not None
    assert Encoder.load(pooling=PoolingSettings(name="mac")).whitening is None


def test_a_single_onnx_file_with_a_header_is_an_encoder() -> None:
    encoder = Encoder.load(DEFAULT / "graph.onnx")
    assert encoder.spec.name == "beautylens-lite0"
    assert encoder([draw_pack(0)]).shape == (1, 1280)


def test_a_name_means_the_encoder_home_whatever_lies_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEAUTYLENS_ENCODERS", str(tmp_path / "home"))
    shutil.copytree(DEFAULT, tmp_path / "home" / "mine")
    (tmp_path / "work" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    assert Encoder.exists("mine")
    assert Encoder.load("mine").fingerprint == Encoder.load().fingerprint


def test_every_wrong_encoder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="no encoder 'resnet'"):
        Encoder.load("resnet")
    with pytest.raises(EncoderError, match="no such encoder file"):
        Encoder.load(tmp_path / "gone.onnx")
    with pytest.raises(EncoderError, match=r"needs an encoder\.json"):
        Encoder.load(tmp_path)
    (tmp_path / "noise.onnx").write_bytes(b"\x00not a graph")
    with pytest.raises(EncoderError, match="cannot read this ONNX graph"):
        Encoder.load(tmp_path / "noise.onnx")
    (tmp_path / "encoder.json").write_text("{")
    with pytest.raises(EncoderError, match="not valid JSON"):
        Encoder.load(tmp_path)
    header = json.loads((DEFAULT / "encoder.json").read_text())
    (tmp_path / "encoder.json").write_text(json.dumps(header | {"sidee": 4}))
    with pytest.raises(EncoderError, match="unknown setting 'sidee'; did you mean 'side'"):
        Encoder.load(tmp_path)
    with pytest.raises(EncoderError, match="must be a multiple of 32"):
        Encoder.load(side=100)


def test_the_class_token_is_refused_where_there_is_none_or_with_options() -> None:
    encoder = Encoder.load(side=32, pooling=PoolingSettings(name="class_token"))
    with pytest.raises(EncoderError, match="has no class token; choose a pooling of maps"):
        encoder.describe(np.zeros((1, 32, 32, 3), np.uint8))
    with pytest.raises(RecipeError, match="takes no options"):
        Encoder.load(pooling=PoolingSettings(name="class_token", options={"p": 3}))
