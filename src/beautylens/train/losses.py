"""Losses on unit vectors: instance discrimination, contrastive pairs, distillation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from beautylens.runtime.extras import extra

with extra("train"):
    import torch
    from torch import Tensor
    from torch.nn import functional


def uel_loss(images: Tensor, twins: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Return the loss of unsupervised embedding learning (UEL; Ye et al., 2019; Lin et al., 2019).

    Each of the 2B views is to be classified as its twin, and every other view not to be; both terms
    have equal weight (m = 1). No gradient flows through the second vector of a pair.

    Args:
        images: (B, D) unit rows.
        twins: (B, D) unit rows, other views of the same pictures in the same order.
        temperature: τ.
    """
    views = torch.cat([images, twins])
    own = torch.eye(len(views), dtype=torch.bool, device=views.device)
    twin = own.roll(len(images), dims=1)
    scores = (views @ views.detach().T / temperature).masked_fill(own, -torch.inf)
    shares = scores.log_softmax(dim=1)
    # Clamped below 1 against rounding if another view has all the weight.
    others = shares[~(own | twin)].exp().clamp(max=1 - 1e-6)
    return -(shares[twin].sum() + torch.log1p(-others).sum()) / len(views)


def bank_loss(vectors: Tensor, items: Tensor, bank: Tensor, *, temperature: float = 0.07) -> Tensor:
    """Return the non-parametric softmax loss over all instances (Wu et al., 2018).

    Args:
        vectors: (B, D) unit rows.
        items: (B,) row of each in the bank.
        bank: (N, D) unit rows, the memory bank of all pictures.
        temperature: τ.
    """
    return functional.cross_entropy(vectors @ bank.T / temperature, items)


def plain_penalty(excess: Tensor, _scale: float) -> Tensor:
    """Return half the square."""
    return excess.square() / 2


def robust_penalty(excess: Tensor, scale: float) -> Tensor:
    """Return the Geman-McClure penalty: quadratic near 0, and flat for outliers.

    Args:
        excess: distance of pairs from their target, 0 or more.
        scale: c; the gradient is largest at c / sqrt(3).
    """
    square = excess.square()
    return square / (1 + square / scale**2) / 2


PENALTIES: Mapping[str, Callable[[Tensor, float], Tensor]] = {
    "plain": plain_penalty,
    "robust": robust_penalty,
}


def contrastive_loss(
    photos: Tensor,
    pictures: Tensor,
    same: Tensor,
    other: Tensor,
    *,
    penalty: str = "robust",
    margin: float = 0.9,
    near: float = 0.6,
    far: float = 0.6,
) -> Tensor:
    """Return the contrastive loss of all pairs of photos and pictures.

    `plain` is ½[y·D² + (1 - y)·max(0, m - D)²]. `robust` is this project's variant of the loss of
    DeepProduct (Zhan et al., 2016 and 2018), of which only the idea is public: outliers among
    positive and negative pairs should not dominate.

    Args:
        photos: (P, D) unit rows.
        pictures: (G, D) unit rows.
        same: (P, G) bool, pairs of the same product.
        other: (P, G) bool, pairs of different products; pairs that are neither are ignored.
        penalty: a name in `PENALTIES`.
        margin: m, the distance beyond which negative pairs have no loss.
        near: scale c₊ of positive pairs.
        far: scale c₋ of negative pairs.

    Returns:
        The mean over positive pairs plus the mean over negative pairs within the margin.
    """
    rho = PENALTIES[penalty]
    # Not by cdist, whose gradient is undefined at distance 0.
    distances = (2 - 2 * photos @ pictures.T).clamp(min=1e-12).sqrt()
    pull = rho(distances[same], near)
    hinge = (margin - distances[other]).clamp(min=0)
    push = rho(hinge, far)
    return pull.sum() / max(1, len(pull)) + push.sum() / (hinge > 0).sum().clamp(min=1)


def distillation_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence of a student's class probabilities from its teacher's.

    Args:
        student: (N, K) logits.
        teacher: (N, K) logits of the frozen teacher.
    """
    wanted = functional.log_softmax(teacher, dim=1)
    found = functional.log_softmax(student, dim=1)
    return functional.kl_div(found, wanted, reduction="batchmean", log_target=True)
