"""The precision that encoders compute in."""

from __future__ import annotations

import os
from typing import Literal, get_args

from beautylens.errors import EncoderError
from beautylens.runtime.gpu import has_gpu
from beautylens.runtime.openvino import has_bfloat16

# Single precision, or bfloat16 (16 bits with the range of float32).
Precision = Literal["f32", "bf16"]
# The environment variable that sets the precision of all encoders of a process.
PRECISION_VARIABLE = "BEAUTYLENS_PRECISION"


def chosen_precision() -> Precision:
    """Return the default precision of encoders.

    bfloat16 on processors with native support, where it takes about half the time; else, and on
    GPUs, single precision. The environment variable `BEAUTYLENS_PRECISION` overrides this.

    Raises:
        EncoderError: when the variable is neither `f32` nor `bf16`, or this machine lacks it.
    """
    wanted = os.environ.get(PRECISION_VARIABLE, "")
    if wanted and wanted not in get_args(Precision):
        raise EncoderError(
            f"the environment variable {PRECISION_VARIABLE} is '{wanted}'; set it to "
            f"{' or '.join(get_args(Precision))}, or unset it to let the processor decide"
        )
    if not wanted:
        return _native_precision()
    named_by = f"the environment variable {PRECISION_VARIABLE}"
    return supported(wanted, named_by)  # type: ignore[arg-type]  # one of the two


def supported(wanted: Precision, named_by: str = "the precision") -> Precision:
    """Return a precision that this machine can compute in.

    Args:
        wanted: the precision.
        named_by: the variable or argument that names it, for the error.

    Raises:
        EncoderError: when it is bfloat16 and the machine does not compute in it.
    """
    if wanted == "bf16" != _native_precision():
        machine = "GPU" if has_gpu() else "processor"
        raise EncoderError(
            f"{named_by} is 'bf16', but the networks run in f32 on this {machine}; leave it out"
        )
    return wanted


def precision_like(recorded: Precision | None) -> Precision:
    """Return the precision for queries of a gallery, given that of the gallery's descriptors.

    The same precision gives the same answers on any machine. A machine without bfloat16 searches
    a gallery of bfloat16 in single precision; cosines differ by less than .003.

    Args:
        recorded: precision of the gallery; None where unknown.
    """
    chosen = chosen_precision()
    if recorded is None or os.environ.get(PRECISION_VARIABLE):
        return chosen
    return recorded if recorded == _native_precision() else "f32"


def _native_precision() -> Precision:
    return "bf16" if has_bfloat16() and not has_gpu() else "f32"
