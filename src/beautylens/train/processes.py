"""Differentiable gathering of tensors from all training processes."""

from __future__ import annotations

from beautylens.runtime.extras import extra

with extra("train"):
    import torch
    from torch import Tensor
    from torch.distributed import nn as distributed


def all_gather(rows: Tensor) -> Tensor:
    """Return the rows of all processes, (N, ...), with gradients."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return rows
    if not rows.is_floating_point():
        parts = [torch.empty_like(rows) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(parts, rows)
        return torch.cat(parts)
    return torch.cat(distributed.functional.all_gather(rows))
