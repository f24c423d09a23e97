"""Ensembles: joining, weighing and projecting the descriptors of several encoders."""

from __future__ import annotations

import numpy as np
import pytest

from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.ensemble import Ensemble, Part
from beautylens.features.encoder.whitening import Whitening
from beautylens.recipe.settings import PoolingSettings
from beautylens.search.distances import product_of
from tests.conftest import draw_pack


def small(pooling: str, side: int = 96, **options: float) -> Encoder:
    return Encoder.load(side=side, pooling=PoolingSettings(name=pooling, options=options))


@pytest.fixture(scope="module")
def packs() -> list[np.ndarray]:
    return [draw_pack(number) for number in range(12)]


@pytest.fixture(scope="module")
def parts() -> tuple[Encoder, Encoder]:
    return small("mac"), small("spoc", side=64)


def test_the_dot_product_is_the_mean_of_the_cosines_by_squared_weight(
    parts: tuple[Encoder, Encoder], packs: list[np.ndarray]
) -> None:
    joined = Ensemble([Part(parts[0], 2.0), Part(parts[1], 1.0)])(packs)
    first, second = (part(packs) for part in parts)
    expected = (4 * first @ first.T + 1 * second @ second.T) / 5
    np.testing.assert_allclose(joined @ joined.T, expected, atol=1e-4)


def test_one_part_is_that_part(parts: tuple[Encoder, Encoder], packs: list[np.ndarray]) -> None:
    np.testing.assert_allclose(Ensemble([Part(parts[0], 3.0)])(packs), parts[0](packs), atol=1e-5)


def test_the_cosines_of_the_parts_come_back_from_joined_rows(
    parts: tuple[Encoder, Encoder], packs: list[np.ndarray]
) -> None:
    ensemble = Ensemble([Part(parts[0], 10.0), Part(parts[1], 8.95)])
    joined = ensemble(packs)
    found = ensemble.cosines(joined[3], joined)
    expected = [part(packs) @ part(packs)[3] for part in parts]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_product_of_one_part_ranks_as_its_cosine_and_of_small_weights_as_the_sum(
    parts: tuple[Encoder, Encoder], packs: list[np.ndarray]
) -> None:
    alone = Ensemble([Part(parts[0])])
    rows = alone(packs)
    np.testing.assert_array_equal(
        np.argsort(product_of(alone, [3.0])(rows[0], rows)), np.argsort(rows @ rows[0])
    )
    small_weights = [0.003, 0.001]
    both = Ensemble([Part(p, w**0.5) for p, w in zip(parts, small_weights, strict=True)])
    rows = both(packs)
    product = product_of(both, small_weights)(rows[0], rows)
    np.testing.assert_allclose((product - 1) / sum(small_weights), rows @ rows[0], atol=2e-3)


def test_a_product_is_that_of_hou_for_each_row(
    parts: tuple[Encoder, Encoder], packs: list[np.ndarray]
) -> None:
    ensemble = Ensemble([Part(parts[0], 3**0.5), Part(parts[1], 1.0)])
    rows = ensemble(packs)
    first, second = (part(packs) for part in parts)
    expected = [
        (1 + 3 * float(first[0] @ first[row])) * (1 + float(second[0] @ second[row]))
        for row in range(len(packs))
    ]
    np.testing.assert_allclose(product_of(ensemble, [3.0, 1.0])(rows[0], rows), expected, rtol=1e-3)


def test_a_projection_comes_after_joining(
    parts: tuple[Encoder, Encoder], packs: list[np.ndarray]
) -> None:
    plain = Ensemble([Part(part) for part in parts])
    projection = Whitening.fit(plain(packs), 5, power=0.0, zscore=True)
    projected = Ensemble(plain.parts, projection)
    assert projected.dimensions == 5
    np.testing.assert_allclose(projected(packs), projection(plain(packs)), atol=1e-5)


def test_parts_of_one_network_share_its_run(
    packs: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    poolings = [small("mac"), small("spoc"), small("rmac")]
    expected = np.concatenate([encoder(packs[:2]) for encoder in poolings], axis=1) / 3**0.5
    runs = []
    run = Encoder.outputs
    monkeypatch.setattr(
        Encoder, "outputs", lambda self, fitted: runs.append(1) or run(self, fitted)
    )
    found = Ensemble([Part(encoder) for encoder in poolings])(packs[:2])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(runs) == 1


def test_the_fingerprint_follows_parts_and_weights(parts: tuple[Encoder, Encoder]) -> None:
    prints = {
        Ensemble([Part(parts[0]), Part(parts[1])]).fingerprint,
        Ensemble([Part(parts[1]), Part(parts[0])]).fingerprint,
        Ensemble([Part(parts[0]), Part(parts[1], 2.0)]).fingerprint,
        Ensemble([Part(parts[0])]).fingerprint,
    }
    assert len(prints) == 4


def test_several_scales_of_gem_are_combined_by_its_mean(packs: list[np.ndarray]) -> None:
    encoder = Encoder.load(
        side=128, pooling=PoolingSettings(name="gem"), scales=(1.0, 2**0.5, 2**-0.5)
    )
    assert encoder.side == 192
    at_192 = [encoder.fit(pack) for pack in packs]
    found = encoder.describe(at_192)
    # A side is the nearest multiple of the stride: 128, 181 -> 192, 91 -> 96.
    maps = [outputs.maps for outputs in encoder.outputs(at_192)]
    assert [scale.shape[2] for scale in maps] == [4, 6, 3]
    total = np.zeros_like(found)
    for scale in maps:
        cells = np.maximum(scale, 1e-6).reshape(*scale.shape[:2], -1).astype(np.float64)
        pooled = (cells**3).mean(axis=2) ** (1 / 3)
        total += (pooled / np.linalg.norm(pooled, axis=1, keepdims=True)) ** 3
    mixed = (total / 3) ** (1 / 3)
    expected = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_queries_are_pooled_by_their_own_options(packs: list[np.ndarray]) -> None:
    encoder = small("grmac", p=3.5, p_query=1.0)
    fitted = [encoder.fit(pack) for pack in packs[:3]]
    np.testing.assert_array_equal(
        encoder.describe(fitted, query=True), small("grmac", p=1.0)(packs[:3])
    )
    np.testing.assert_array_equal(encoder.describe(fitted), small("grmac", p=3.5)(packs[:3]))
    np.testing.assert_allclose(
        encoder.describe_views(packs[0], (1.0,)), small("grmac", p=1.0)([packs[0]])[0], atol=1e-5
    )
