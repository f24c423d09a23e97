"""Pooling against slow loops written from docs/method.md, and against maps made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from beautylens.errors import RecipeError
from beautylens.features.encoder.pooling import POOLINGS, Outputs, find_pooled, find_pooling
from beautylens.features.encoder.regions import Region, region_grid

MAPS = arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(2, 9), st.integers(2, 9)),
    elements=st.one_of(st.just(0.0), st.floats(2**-10, 8, width=32)),
)


def unit(vector: list[float]) -> list[float]:
    length = math.sqrt(sum(value * value for value in vector))
    return [value / length if length else 0.0 for value in vector]


def slow_regions(
    height: int, width: int, levels: int = 3, more: int = 1
) -> list[tuple[int, int, int]]:
    """The grid as section 1 of the method words it, one number at a time."""
    w = min(height, width)
    extra = 0
    if height != width:
        errors = []
        for s in range(2, 8):
            b = (max(height, width) - w) / (s - 1)
            errors.append(abs((w * w - w * b) / (w * w) - 0.4))
        extra = errors.index(min(errors)) + more
    regions = []
    for level in range(1, levels + 1):
        side = math.floor(2 * w / (level + 1))
        if side == 0:
            continue
        half = math.floor(side / 2 - 1)

        def offsets(length: int, count: int, side: int = side, half: int = half) -> list[int]:
            b = (length - side) / (count - 1) if count > 1 else 0
            return [math.floor(half + i * b) - half for i in range(count)]

        rows = level + (extra if height > width else 0)
        columns = level + (extra if width > height else 0)
        regions += [(y, x, side) for y in offsets(height, rows) for x in offsets(width, columns)]
    return regions


def slow_rmac(
    channels: np.ndarray,
    attention: float | None,
    *,
    more: int = 1,
    whole: bool = False,
    least: float = 0.0,
) -> list[float]:
    """R-MAC, or with an attention exponent p GRMAC(p), of one image, cell by cell."""
    count, height, width = channels.shape
    activation = [[float(channels[:, y, x].sum()) for x in range(width)] for y in range(height)]
    cells = [value for row in activation for value in row]
    threshold = None
    if attention is not None:
        low = min(cells)
        mean = sum((value - low) ** attention for value in cells) / len(cells)
        threshold = mean ** (1 / attention) + low
    total = [0.0] * count
    places = [
        [(y, x) for y in range(top, top + side) for x in range(left, left + side)]
        for top, left, side in slow_regions(height, width, more=more)
    ]
    if whole:
        places.append([(y, x) for y in range(height) for x in range(width)])
    shares = [1.0] * len(places)
    if threshold is not None:
        shares = [sum(activation[y][x] > threshold for y, x in at) / len(at) for at in places]
    weights = [share if share > least else 0.0 for share in shares]
    if not any(weights):
        weights = shares if any(shares) else [1.0] * len(places)
    for inside, weight in zip(places, weights, strict=True):
        maxima = unit([max(float(channels[c, y, x]) for y, x in inside) for c in range(count)])
        total = [t + weight * m for t, m in zip(total, maxima, strict=True)]
    return unit(total)


@given(MAPS)
@settings(max_examples=40, deadline=None)
def test_mac_spoc_and_gem_agree_with_their_formulas_cell_by_cell(maps: np.ndarray) -> None:
    for image, mac, spoc, gem in zip(
        maps, POOLINGS["mac"](maps), POOLINGS["spoc"](maps), POOLINGS["gem"](maps), strict=True
    ):
        cells = [channel.ravel().tolist() for channel in image]
        cubes = [(sum(max(v, 1e-6) ** 3 for v in c) / len(c)) ** (1 / 3) for c in cells]
        np.testing.assert_allclose(mac, unit([max(c) for c in cells]), atol=1e-5)
        np.testing.assert_allclose(spoc, unit([sum(c) / len(c) for c in cells]), atol=1e-5)
        np.testing.assert_allclose(gem, unit(cubes), atol=1e-4)


@given(MAPS)
@settings(max_examples=40, deadline=None)
def test_rmac_agrees_with_a_loop_over_regions(maps: np.ndarray) -> None:
    for image, found in zip(maps, POOLINGS["rmac"](maps), strict=True):
        np.testing.assert_allclose(found, slow_rmac(image, None), atol=1e-5)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5])
def test_grmac_agrees_with_a_loop_over_cells(p: float) -> None:
    # Random maps keep every cell away from the threshold, where rounding would decide.
    maps = np.random.default_rng(7).gamma(1.0, 2.0, (5, 6, 9, 11)).astype(np.float32)
    for image, found in zip(maps, POOLINGS["grmac"](maps, p=p), strict=True):
        np.testing.assert_allclose(found, slow_rmac(image, p), atol=1e-5)


@pytest.mark.parametrize("shape", [(9, 11), (12, 7), (8, 8)])
def test_the_options_of_the_published_programs_agree_with_the_loop(shape: tuple[int, int]) -> None:
    maps = np.random.default_rng(8).gamma(1.0, 2.0, (3, 4, *shape)).astype(np.float32)
    options = {"global_term": True, "extra": 0}
    plain = POOLINGS["rmac"](maps, **options)
    attended = POOLINGS["ramac"](maps, **options, min_share=1 / 3)
    for image, rmac, ramac in zip(maps, plain, attended, strict=True):
        expected = slow_rmac(image, None, more=0, whole=True)
        np.testing.assert_allclose(rmac, expected, atol=1e-5)
        expected = slow_rmac(image, 1.0, more=0, whole=True, least=1 / 3)
        np.testing.assert_allclose(ramac, expected, atol=1e-5)


@given(MAPS)
@settings(max_examples=40, deadline=None)
def test_crow_and_amac_agree_with_their_formulas_cell_by_cell(maps: np.ndarray) -> None:
    for image, crow, amac in zip(maps, POOLINGS["crow"](maps), POOLINGS["amac"](maps), strict=True):
        count, height, width = image.shape
        places = [(y, x) for y in range(height) for x in range(width)]
        activation = {(y, x): sum(float(v) for v in image[:, y, x]) for y, x in places}
        length = math.sqrt(sum(a * a for a in activation.values()))
        share = [sum(image[c, y, x] != 0 for y, x in places) / len(places) for c in range(count)]
        total = sum(share)
        sums = [
            sum(math.sqrt(activation[y, x] / length) * image[c, y, x] for y, x in places)
            if length
            else 0.0
            for c in range(count)
        ]
        rare = [math.log(total / q) if q else 0.0 for q in share]
        expected = unit([float(f) * r for f, r in zip(sums, rare, strict=True)])
        # Where every channel is always active all logarithms vanish, and only rounding is left.
        if max(map(abs, rare)) > 1e-9:
            np.testing.assert_allclose(crow, expected, atol=1e-4)
        mean = np.float32(sum(activation.values()) / len(places))
        if all(abs(a - mean) > 1e-4 for a in activation.values()):
            kept = [place for place in places if activation[place] >= mean]
            maxima = [max(float(image[c, y, x]) for y, x in kept) for c in range(count)]
            np.testing.assert_allclose(amac, unit(maxima), atol=1e-5)


def test_an_option_for_queries_stands_in_when_a_query_is_pooled() -> None:
    maps = np.random.default_rng(3).gamma(1.0, 2.0, (2, 3, 9, 9)).astype(np.float32)
    options = {"p": 3.5, "p_query": 1.0}
    np.testing.assert_array_equal(
        find_pooling("grmac", options)(maps), POOLINGS["grmac"](maps, p=3.5)
    )
    np.testing.assert_array_equal(
        find_pooling("grmac", options, query=True)(maps), POOLINGS["ramac"](maps)
    )


def test_ramac_is_grmac_with_exponent_one() -> None:
    maps = np.random.default_rng(1).random((2, 3, 12, 12), np.float32)
    np.testing.assert_array_equal(POOLINGS["ramac"](maps), POOLINGS["grmac"](maps, p=1.0))


def test_ramac_ignores_regions_without_an_attended_cell() -> None:
    # One bright corner: only squares that reach it may speak, so channel 1, bright at the opposite
    # corner of a dim place, weighs less than under plain R-MAC.
    maps = np.zeros((1, 2, 12, 12), np.float32)
    maps[0, 0, :4, :4] = 10
    maps[0, 1, 11, 11] = 0.1
    plain, attended = POOLINGS["rmac"](maps)[0], POOLINGS["ramac"](maps)[0]
    assert plain[1] > 0.1
    assert attended[1] < plain[1] / 2


def test_a_map_whose_attention_passes_no_cut_is_still_described() -> None:
    # One bright cell in 81: no region has a third of its cells above the threshold.
    peak = np.full((1, 3, 9, 9), 0.1, np.float32)
    peak[0, 1, 4, 4] = 50
    options = {"p": 3.5, "global_term": True, "min_share": 1 / 3}
    found = POOLINGS["grmac"](peak, **options)[0]
    np.testing.assert_array_equal(
        found, POOLINGS["grmac"](peak, p=3.5, global_term=True)[0], strict=True
    )
    np.testing.assert_allclose(found, slow_rmac(peak[0], 3.5, whole=True, least=1 / 3), atol=1e-5)


def test_a_flat_map_has_the_descriptor_of_rmac() -> None:
    flat = np.broadcast_to(np.float32([3, 0, 4])[None, :, None, None], (1, 3, 8, 8)).copy()
    for name in ("ramac", "grmac"):
        np.testing.assert_allclose(POOLINGS[name](flat), [[0.6, 0, 0.8]], atol=1e-6)


@given(MAPS, st.floats(0, 0.99))
@settings(max_examples=60, deadline=None)
def test_no_cut_makes_a_descriptor_vanish(maps: np.ndarray, cut: float) -> None:
    lengths = np.linalg.norm(POOLINGS["grmac"](maps, min_share=cut), axis=1)
    np.testing.assert_allclose(lengths, maps.any(axis=(1, 2, 3)), atol=1e-4)


@pytest.mark.parametrize("p", [1.0, 2.5, 3.0])
def test_scales_of_gem_are_combined_by_its_own_mean(p: float) -> None:
    rng = np.random.default_rng(9)
    scales = [Outputs(rng.random((2, 4, side, side)).astype(np.float32)) for side in (3, 5, 7)]
    found = find_pooled("gem", {"p": p})(scales)
    for image in range(2):
        rows = []
        for each in scales:
            cells = [channel.ravel().tolist() for channel in each.maps[image]]
            rows.append(unit([(sum(v**p for v in c) / len(c)) ** (1 / p) for c in cells]))
        mixed = [(sum(row[c] ** p for row in rows) / 3) ** (1 / p) for c in range(4)]
        np.testing.assert_allclose(found[image], unit(mixed), atol=1e-5)


def test_scales_of_other_poolings_are_added() -> None:
    rng = np.random.default_rng(10)
    scales = [Outputs(rng.random((2, 4, side, side)).astype(np.float32)) for side in (3, 5)]
    total = POOLINGS["mac"](scales[0].maps) + POOLINGS["mac"](scales[1].maps)
    expected = total / np.linalg.norm(total, axis=1, keepdims=True)
    np.testing.assert_allclose(find_pooled("mac")(scales), expected, atol=1e-6)


def test_gem_runs_from_the_mean_to_the_maximum() -> None:
    maps = np.random.default_rng(2).random((2, 4, 7, 7), np.float32)
    np.testing.assert_allclose(POOLINGS["gem"](maps, p=1.0), POOLINGS["spoc"](maps), atol=1e-4)
    np.testing.assert_allclose(POOLINGS["gem"](maps, p=60.0), POOLINGS["mac"](maps), atol=0.05)


@given(MAPS, st.sampled_from(sorted(POOLINGS)))
@settings(max_examples=60, deadline=None)
def test_rows_have_unit_length_or_are_zero_and_never_mix_images(
    maps: np.ndarray, name: str
) -> None:
    found = POOLINGS[name](maps)
    assert found.shape == maps.shape[:2]
    assert found.dtype == np.float32
    lengths = np.linalg.norm(found, axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-4) | (lengths < 1e-6))
    np.testing.assert_allclose(found[:1], POOLINGS[name](maps[:1]), atol=1e-6)


def test_a_square_map_of_15_cells_has_the_published_14_regions() -> None:
    grid = region_grid(15, 15)
    assert len(grid) == 14
    assert {region.height for region in grid} == {15, 10, 7}
    assert sorted({region.top for region in grid if region.width == 10}) == [0, 5]
    assert sorted({region.left for region in grid if region.width == 7}) == [0, 4, 8]


@given(st.integers(1, 40), st.integers(1, 40))
def test_regions_stay_inside_the_map_and_agree_with_the_slow_grid(height: int, width: int) -> None:
    grid = region_grid(height, width)
    assert grid == tuple(Region(y, x, s, s) for y, x, s in slow_regions(height, width))
    assert all(
        0 <= r.top <= height - r.height and 0 <= r.left <= width - r.width and r.height > 0
        for r in grid
    )


def test_a_wrong_name_or_option_lists_the_right_ones() -> None:
    with pytest.raises(RecipeError, match="unknown pooling 'macs'; choose one of mac, spoc, gem"):
        find_pooling("macs")
    with pytest.raises(RecipeError, match="'gem' has no option 'q'; it takes: p"):
        find_pooling("gem", {"q": 1.0})


def test_options_out_of_range_are_refused_and_whole_numbers_stay_whole() -> None:
    maps = np.random.default_rng(5).random((1, 2, 9, 9), np.float32)
    assert find_pooling("rmac", {"levels": 2})(maps).shape == (1, 2)
    with pytest.raises(RecipeError, match=r"'levels' must be a whole number above 0, not 2\.5"):
        find_pooling("rmac", {"levels": 2.5})
    with pytest.raises(RecipeError, match="'p' must be a number above 0, not -1"):
        find_pooling("gem", {"p": -1})
    for wrong in (float("inf"), float("nan"), True, "three"):
        with pytest.raises(RecipeError, match="'p' must be a number above 0, not"):
            find_pooling("gem", {"p": wrong})
    with pytest.raises(RecipeError, match="'global_term' must be true or false, not 2"):
        find_pooling("rmac", {"global_term": 2})
    with pytest.raises(RecipeError, match="'min_share' must be a share"):
        find_pooling("ramac", {"min_share": 1.5})


@pytest.mark.parametrize("p", [60.0, 400.0])
def test_high_powers_of_large_values_do_not_overflow(p: float) -> None:
    maps = np.random.default_rng(4).random((2, 5, 6, 6), np.float32) * 1000
    found = POOLINGS["gem"](maps, p=p)
    cells = maps.reshape(2, 5, -1).astype(np.float64)
    largest = cells.max(axis=2)
    expected = largest * ((cells / largest[..., None]) ** p).mean(axis=2) ** (1 / p)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_smallest_values_still_give_unit_rows() -> None:
    maps = np.full((1, 3, 4, 4), 1e-38, np.float32)
    np.testing.assert_allclose(np.linalg.norm(POOLINGS["mac"](maps), axis=1), 1, atol=1e-6)
