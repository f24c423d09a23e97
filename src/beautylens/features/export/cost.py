"""What a network costs: weights, and multiplications for one picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from beautylens.errors import EncoderError
from beautylens.features.encoder.openvino import read_graph


def count_parameters(graph: Path) -> int:
    """Return how many weights a network holds: the constants of its graph, of any width.

    The constants that scale quantised values are counted too; they are few.
    """
    sizes = [
        math.prod(node.get_output_shape(0))
        for node in read_graph(graph).get_ops()
        if node.get_type_name() == "Constant" and _is_weight(node)
    ]
    return sum(sizes)


def count_macs(graph: Path, side: int) -> int:
    """Return the multiply-accumulate operations for a picture of side x side pixels.

    Those of convolutions and matrix products, which are nearly all.

    Raises:
        EncoderError: when the network takes no such picture.
    """
    model = read_graph(graph)
    try:
        model.reshape({0: [1, 3, side, side]})
    except RuntimeError as error:
        raise EncoderError(f"{graph}: takes no pictures of {side} x {side} pixels") from error
    return sum(_macs(node) for node in model.get_ops())


def _is_weight(node: Any) -> bool:
    kind = node.get_element_type()
    return bool(kind.is_real()) or kind.get_type_name() in {"i8", "u8"}


def _macs(node: Any) -> int:
    kind = node.get_type_name()
    if kind not in {"Convolution", "GroupConvolution", "MatMul"}:
        return 0
    made = math.prod(node.get_output_shape(0))
    if kind == "MatMul":
        return int(made * node.get_input_shape(0)[-1])
    # (out, in, h, w), or (groups, out, in, h, w): each value is a sum over in x h x w.
    return int(made * math.prod(node.get_input_shape(1)[-3:]))
