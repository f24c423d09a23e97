"""The losses against slow loops of their published formulas, and what robust means."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from beautylens.train.losses import (  # noqa: E402  (after the skip)
    bank_loss,
    contrastive_loss,
    distillation_loss,
    uel_loss,
)

YES, NO = torch.tensor([[True]]), torch.tensor([[False]])


def unit(rows: int, dimensions: int, seed: int) -> torch.Tensor:
    drawn = torch.from_numpy(np.random.default_rng(seed).standard_normal((rows, dimensions)))
    return torch.nn.functional.normalize(drawn)


def slow_uel(images: torch.Tensor, twins: torch.Tensor, tau: float, m: float = 1) -> float:
    f = [row.tolist() for row in torch.cat([images, twins])]
    n = len(f)

    def s(i: int, j: int) -> float:
        return sum(a * b for a, b in zip(f[i], f[j], strict=True)) / tau

    total = 0.0
    for i in range(n):
        twin = (i + n // 2) % n
        others = [j for j in range(n) if j not in (i, twin)]
        z = math.exp(s(i, twin)) + m * sum(math.exp(s(i, j)) for j in others)
        total += math.log(math.exp(s(i, twin)) / z)
        total += m * sum(math.log(1 - math.exp(s(i, j)) / z) for j in others)
    return -total / n


@pytest.mark.parametrize("tau", [0.1, 0.5])
def test_uel_is_the_published_double_sum(tau: float) -> None:
    images, twins = unit(5, 8, 1), unit(5, 8, 2)
    found = uel_loss(images, twins, temperature=tau)
    assert float(found) == pytest.approx(slow_uel(images, twins, tau), rel=1e-9)


def test_no_gradient_flows_through_the_second_vector_of_a_pair() -> None:
    images, twins = unit(3, 4, 1).requires_grad_(), unit(3, 4, 2).requires_grad_()
    uel_loss(images, twins, temperature=0.2).backward()
    step = 1e-6
    fixed = torch.cat([images, twins]).detach()
    for row, column in [(0, 0), (2, 3)]:
        values = []
        for sign in (1, -1):
            moved = fixed.clone()
            moved[row, column] += sign * step
            values.append(slow_uel_of(moved, fixed, 0.2))
        slope = (values[0] - values[1]) / (2 * step)
        assert float(images.grad[row, column]) == pytest.approx(slope, rel=1e-4)


def slow_uel_of(first: torch.Tensor, second: torch.Tensor, tau: float) -> float:
    """The same sum, its first and second vectors taken from different places."""
    n, total = len(first), 0.0
    for i in range(n):
        scores = [math.exp(float(first[i] @ second[j]) / tau) for j in range(n)]
        twin = (i + n // 2) % n
        z = sum(score for j, score in enumerate(scores) if j != i)
        total += math.log(scores[twin] / z)
        total += sum(math.log(1 - scores[j] / z) for j in range(n) if j not in (i, twin))
    return -total / n


def test_uel_stays_finite_where_another_picture_is_the_same() -> None:
    same = unit(1, 8, 1).float().repeat(2, 1)
    loss = uel_loss(same.requires_grad_(), -same.detach(), temperature=0.01)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(same.grad).all()


def test_the_bank_loss_is_a_softmax_over_all_instances() -> None:
    vectors, bank = unit(3, 6, 1), unit(9, 6, 2)
    items = torch.tensor([4, 0, 8])
    expected = 0.0
    for row, item in zip(vectors, items.tolist(), strict=True):
        scores = [math.exp(float(row @ each) / 0.07) for each in bank]
        expected -= math.log(scores[item] / sum(scores)) / 3
    assert float(bank_loss(vectors, items, bank)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("penalty", ["plain", "robust"])
def test_contrastive_is_its_formula_over_all_pairs(penalty: str) -> None:
    photos, pictures = unit(4, 3, 1), unit(5, 3, 2)
    same = torch.tensor(np.random.default_rng(0).random((4, 5)) < 0.3)
    neither = torch.tensor(np.random.default_rng(1).random((4, 5)) < 0.2) & ~same
    margin, scale = 1.2, 0.6

    def rho(excess: float) -> float:
        square = excess**2
        return square / 2 if penalty == "plain" else square / (1 + square / scale**2) / 2

    pull, push = [], []
    for p in range(4):
        for g in range(5):
            distance = math.dist(photos[p].tolist(), pictures[g].tolist())
            if same[p, g]:
                pull.append(rho(distance))
            elif distance < margin and not neither[p, g]:
                push.append(rho(margin - distance))
    expected = sum(pull) / len(pull) + sum(push) / len(push)
    found = contrastive_loss(
        photos,
        pictures,
        same,
        ~same & ~neither,
        penalty=penalty,
        margin=margin,
        near=scale,
        far=scale,
    )
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_an_outlier_pulls_less_under_the_robust_loss_and_more_under_the_plain() -> None:
    def slope(angle: float, penalty: str) -> float:
        turned = torch.tensor(angle, requires_grad=True)
        photo = torch.stack([turned.cos(), turned.sin()])[None]
        contrastive_loss(photo, torch.tensor([[1.0, 0.0]]), YES, NO, penalty=penalty).backward()
        return abs(float(turned.grad))

    assert slope(1.2, "plain") > slope(0.3, "plain")
    assert slope(1.2, "robust") < slope(0.3, "robust")


def test_gradients_are_finite_where_photo_and_picture_are_the_same() -> None:
    photo = unit(1, 4, 1).requires_grad_()
    contrastive_loss(photo, photo.detach(), YES, NO).backward()
    assert torch.isfinite(photo.grad).all()


def test_a_batch_without_one_kind_of_pair_has_only_the_other_term() -> None:
    photo, near = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.8, 0.6]])
    only_wrong = contrastive_loss(photo, near, NO, YES, penalty="plain", margin=1.0)
    distance = math.sqrt(0.2**2 + 0.6**2)
    assert float(only_wrong) == pytest.approx((1 - distance) ** 2 / 2, rel=1e-5)


def test_distillation_is_zero_for_the_teacher_itself_and_a_divergence_otherwise() -> None:
    teacher = torch.tensor([[1.0, 2.0, 0.5]])
    assert float(distillation_loss(teacher, teacher)) == pytest.approx(0, abs=1e-7)
    student = torch.tensor([[0.0, 0.0, 0.0]])
    p = [math.exp(v) / sum(math.exp(w) for w in (1, 2, 0.5)) for v in (1, 2, 0.5)]
    expected = sum(q * math.log(q / (1 / 3)) for q in p)
    assert float(distillation_loss(student, teacher)) == pytest.approx(expected, rel=1e-5)
