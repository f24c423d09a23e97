"""Poolings that gradients flow through are those that encoders run with."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from beautylens.errors import EncoderError, RecipeError  # noqa: E402  (after the skip)
from beautylens.features.encoder.pooling import find_pooling  # noqa: E402  (as above)
from beautylens.recipe.settings import PoolingSettings  # noqa: E402  (as above)
from beautylens.train.pools import POOLS, Pool  # noqa: E402  (as above)

OPTIONS = {"gem": {"p": 4.0}, "rmac": {"levels": 2, "global_term": True}, "grmac": {"p": 2.0}}


@pytest.mark.parametrize("size", [(7, 7), (5, 9)])
@pytest.mark.parametrize("name", sorted(POOLS))
def test_a_pooling_gives_what_inference_gives(name: str, size: tuple[int, int]) -> None:
    maps = np.random.default_rng(0).random((3, 6, *size)).astype(np.float32)
    options = OPTIONS.get(name, {})
    expected = find_pooling(name, options)(maps)
    found = Pool(PoolingSettings(name=name, options=options))((torch.from_numpy(maps),))
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=2e-6)


def test_flat_maps_fall_back_as_in_inference() -> None:
    maps = np.random.default_rng(1).random((3, 6, 9, 9)).astype(np.float32)
    maps[1] = 0.5
    for cut in (0.0, 0.6, 0.99):
        options = {"p": 3.5, "min_share": cut}
        expected = find_pooling("grmac", options)(maps)
        found = Pool(PoolingSettings(name="grmac", options=options))((torch.from_numpy(maps),))
        np.testing.assert_allclose(found.numpy(), expected, atol=2e-6)
        np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", sorted(POOLS))
def test_gradients_reach_the_maps(name: str) -> None:
    maps = torch.rand(2, 4, 6, 6, requires_grad=True)
    Pool(PoolingSettings(name=name))((maps,))[:, 0].sum().backward()
    assert torch.isfinite(maps.grad).all()
    assert maps.grad.abs().sum() > 0


def test_the_power_of_gem_is_learnt_and_told() -> None:
    pool = Pool(PoolingSettings(name="gem"))
    pool.power.data.fill_(2.5)
    assert pool.settings == PoolingSettings(name="gem", options={"p": 2.5})


def test_a_pooling_that_cannot_be_trained_is_named_with_those_that_can() -> None:
    with pytest.raises(EncoderError, match="'crow' cannot be trained; choose one of mac"):
        Pool(PoolingSettings(name="crow"))
    with pytest.raises(RecipeError, match="unknown pooling 'wrong'"):
        Pool(PoolingSettings(name="wrong"))
