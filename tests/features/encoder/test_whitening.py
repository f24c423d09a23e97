"""Whitening against the covariance it promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from beautylens.errors import EncoderError
from beautylens.features.encoder.whitening import Whitening


def correlated(rows: int = 400) -> np.ndarray:
    rng = np.random.default_rng(3)
    return (rng.normal(size=(rows, 6)) @ rng.normal(size=(6, 6)) + 2).astype(np.float32)


def test_full_whitening_leaves_uncorrelated_components_of_equal_spread() -> None:
    rows = correlated()
    whitening = Whitening.fit(rows, 6, power=1.0)
    projected = (rows - whitening.mean) @ whitening.matrix.T
    np.testing.assert_allclose(np.cov(projected.T), np.eye(6), atol=1e-3)


def test_plain_pca_keeps_distances_between_rows() -> None:
    rows = correlated()
    whitening = Whitening.fit(rows, 6, power=0.0)
    projected = (rows - whitening.mean) @ whitening.matrix.T
    expected = np.linalg.norm(rows[0] - rows[1])
    assert np.linalg.norm(projected[0] - projected[1]) == pytest.approx(expected, rel=1e-4)


def test_components_fall_in_spread_and_rows_have_unit_length() -> None:
    whitening = Whitening.fit(correlated(), 4, power=0.5)
    found = whitening(correlated())
    assert found.shape == (400, 4)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    projected = (correlated() - whitening.mean) @ whitening.matrix.T
    spreads = projected.std(axis=0)
    assert np.all(np.diff(spreads) <= 1e-6)


def test_a_saved_whitening_comes_back_to_half_precision(tmp_path: Path) -> None:
    whitening = Whitening.fit(correlated(), 3)
    whitening.save(tmp_path / "whitening.npz")
    loaded = Whitening.load(tmp_path / "whitening.npz")
    np.testing.assert_allclose(loaded.matrix, whitening.matrix, rtol=1e-3, atol=1e-3)


def test_a_zscore_alone_scales_each_channel_by_its_deviation() -> None:
    rows = correlated() * np.array([1, 10, 100, 0, 1, 1], np.float32)
    whitening = Whitening.fit(rows, None, zscore=True)
    projected = (rows - whitening.mean) @ whitening.matrix.T
    # The fourth channel never varies: it is centred and says nothing.
    np.testing.assert_allclose(projected.std(axis=0), [1, 1, 1, 0, 1, 1], atol=1e-3)


def test_pca_after_a_zscore_is_that_of_scikit_learn() -> None:
    rows = correlated() * np.array([1, 10, 100, 1, 1, 1], np.float32)
    expected = PCA(3).fit_transform(StandardScaler().fit_transform(rows))
    whitening = Whitening.fit(rows, 3, power=0.0, zscore=True)
    found = (rows - whitening.mean) @ whitening.matrix.T
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=2e-3)


def test_many_channels_and_rows_are_projected_alike_by_random_projections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(120, 10)) @ rng.normal(size=(10, 60)) + 1).astype(np.float32)
    exact = Whitening.fit(rows, 8)(rows)
    monkeypatch.setattr("beautylens.features.encoder.whitening.EXACT", 20)
    found = Whitening.fit(rows, 8)(rows)
    np.testing.assert_allclose(found @ found.T, exact @ exact.T, atol=1e-3)


def test_stored_bytes_give_the_very_same_projection() -> None:
    whitening = Whitening.fit(correlated(), 3)
    again = Whitening.from_bytes(whitening.to_bytes())
    np.testing.assert_array_equal(again.mean, whitening.mean)
    np.testing.assert_array_equal(again.matrix, whitening.matrix)


def test_too_few_descriptors_or_another_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="5 descriptors are too few for 6 dimensions"):
        Whitening.fit(correlated(5), 6)
    (tmp_path / "whitening.npz").write_bytes(b"not arrays")
    with pytest.raises(EncoderError, match="not a whitening file"):
        Whitening.load(tmp_path / "whitening.npz")
