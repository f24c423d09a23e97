"""Cost of a network: number of weights, and multiply-accumulate operations per picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from beautylens.errors import EncoderError
from beautylens.features.encoder.openvino import read_graph


def count_parameters(graph: Path) -> int:
    """Return the number of weights of a network: the constants of its graph, of any type.

    The few scales of quantised values are counted too.
    """
    sizes = [
        math.prod(node.get_output_shape(0))
        for node in read_graph(graph).get_ops()
        if node.get_type_name() == "Constant" and _is_weight(node)
    ]
    return sum(sizes)


def count_macs(graph: Path, side: int) -> int:
    """Return the multiply-accumulate operations (MACs) of a picture of side x side pixels.

    Convolutions and matrix products are counted, which are nearly all.

    Raises:
        EncoderError: when the network does not take this side.
    """
    model = read_graph(graph)
    try:
        model.reshape({0: [1, 3, side, side]})
    except RuntimeError as error:
        raise EncoderError(
            f"{graph}: the network takes no pictures of {side} x {side} pixels"
        ) from error
    return sum(_macs(node) for node in model.get_ops())


def _is_weight(node: Any) -> bool:
    kind = node.get_element_type()
    return bool(kind.is_real()) or kind.get_type_name() in {"i8", "u8"}


def _macs(node: Any) -> int:
    kind = node.get_type_name()
    if kind not in {"Convolution", "GroupConvolution", "MatMul"}:
        return 0
    outputs = math.prod(node.get_output_shape(0))
    if kind == "MatMul":
        return int(outputs * node.get_input_shape(0)[-1])
    # (out, in, h, w), or (groups, out, in, h, w): each output is a sum over in x h x w.
    return int(outputs * math.prod(node.get_input_shape(1)[-3:]))
