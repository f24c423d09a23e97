"""The learned extractor, on a graph made here whose keypoints are known: bright pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beautylens.errors import EncoderError
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.xfeat import OFFSET, QUANTUM, XFeat
from beautylens.runtime.openvino import import_openvino

HEIGHT, WIDTH = 64, 96
NAMES = ("feats", "keypoints", "heatmap")


def make_graph(path: Path, names: tuple[str, ...] = NAMES, channels: int = 1) -> Path:
    """Write a graph of XFeat's interface: each pixel's brightness is its keypoint logit."""
    ov = import_openvino()
    ops = ov.opset13
    rng = np.random.default_rng(0)
    place = np.zeros((65, channels, 8, 8), np.float32)
    for pixel in range(64):
        place[pixel, 0, pixel // 8, pixel % 8] = 30
    none = np.zeros((1, 65, 1, 1), np.float32)
    none[0, 64] = 15
    picture = ops.parameter([1, channels, HEIGHT, WIDTH], np.float32, name="picture")

    def cells(weights: np.ndarray) -> object:
        return ops.convolution(picture, weights.astype(np.float32), [8, 8], [0, 0], [0, 0], [1, 1])

    outputs = (
        cells(rng.normal(size=(64, channels, 8, 8))),
        ops.add(cells(place), none),
        ops.sigmoid(cells(np.full((1, channels, 8, 8), 0.1))),
    )
    for node, name in zip(outputs, names, strict=True):
        node.output(0).get_tensor().set_names({name})
    model = ov.Model([ops.result(node) for node in outputs], [picture], "xfeat")
    ov.save_model(model, str(path), compress_to_fp16=False)
    return path


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> XFeat:
    return XFeat(make_graph(tmp_path_factory.mktemp("graph") / "xfeat.xml"))


def dots(places: list[tuple[int, int]], height: int, width: int) -> np.ndarray:
    picture = np.zeros((height, width, 3), np.uint8)
    for x, y in places:
        picture[y, x] = 255
    return picture


def test_keypoints_are_where_the_network_sees_them(extract: XFeat) -> None:
    places = [(5, 3), (40, 20), (41, 33), (80, 50), (95, 63), (0, 0)]
    found = extract(dots(places, HEIGHT, WIDTH), longest=640, limit=50)
    assert sorted(map(tuple, found.points.tolist())) == sorted(places)
    assert found.sizes.tolist() == found.angles.tolist() == [0.0] * len(places)
    assert found.descriptors.shape == (6, 64)


def test_of_two_keypoints_side_by_side_the_hotter_is_kept(extract: XFeat) -> None:
    picture = dots([(20, 20)], HEIGHT, WIDTH)
    picture[21, 21] = 220
    assert extract(picture, longest=640, limit=50).points.tolist() == [[20.0, 20.0]]


def test_a_small_picture_has_no_keypoints_beside_itself(extract: XFeat) -> None:
    picture = np.full((30, 40, 3), 255, np.uint8)
    found = extract(picture, longest=640, limit=5000)
    assert (found.points < [40, 30]).all()


def test_points_of_a_picture_too_large_for_the_graph_are_in_its_own_pixels(extract: XFeat) -> None:
    picture = np.kron(dots([(10, 20), (60, 40)], HEIGHT, WIDTH), np.ones((4, 4, 1), np.uint8))
    found = extract(picture, longest=WIDTH * 4, limit=50)
    assert sorted(found.points.tolist()) == [[41.5, 81.5], [241.5, 161.5]]


def test_descriptors_are_unit_vectors_that_survive_their_bytes(extract: XFeat) -> None:
    label = np.random.default_rng(2).integers(0, 90, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    label[4::12, 4::12] = 255
    found = extract(label, longest=640, limit=40)
    assert len(found) > 10
    vectors = (found.descriptors.astype(float) - OFFSET) / QUANTUM
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=0.02)
    loaded = Keypoints.from_bytes(found.to_bytes())
    np.testing.assert_array_equal(loaded.descriptors, found.descriptors)
    again = extract(label, longest=640, limit=40)
    assert again.to_bytes() == found.to_bytes()


def test_a_blank_picture_has_no_keypoints(extract: XFeat) -> None:
    blank = extract(np.zeros((50, 50, 3), np.uint8), longest=640, limit=10)
    assert blank.descriptors.shape == (0, 64)


def test_another_graph_is_refused_with_what_it_has(tmp_path: Path) -> None:
    other = make_graph(tmp_path / "other.xml", names=("scores", "keypoints", "descriptors"))
    with pytest.raises(EncoderError, match=r"outputs scores \[1, 64, 8, 12\], keypoints"):
        XFeat(other)
    with pytest.raises(EncoderError, match=r"has input \(1, 3, 64, 96\)"):
        XFeat(make_graph(tmp_path / "colour.xml", channels=3))
    with pytest.raises(EncoderError, match="no such encoder file"):
        XFeat(tmp_path / "gone.onnx")
