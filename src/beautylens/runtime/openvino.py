"""Importing OpenVINO, and what it can compute on this machine."""

from __future__ import annotations

import importlib
import os
import sys
from functools import cache
from types import ModuleType

from beautylens.runtime.native import OPENVINO

# oneDNN's switch that hides a processor's instructions, and its levels without bfloat16. OpenVINO
# offers bfloat16 whatever the switch says, and crashes at the levels without AVX-512.
ISA_VARIABLE = "ONEDNN_MAX_CPU_ISA"
_WITHOUT_BFLOAT16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI")


@cache
@OPENVINO.serialise_first_call
def import_openvino() -> ModuleType:
    """Import OpenVINO on first use (0.3 s), without its telemetry.

    On import OpenVINO sends an event to an analytics server from a forked process, unless the
    package `openvino_telemetry` cannot be imported; then it uses its own stub.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # blocks the import
    try:
        return importlib.import_module("openvino")
    finally:
        if sys.modules.get("openvino_telemetry", True) is None:
            del sys.modules["openvino_telemetry"]


@cache
@OPENVINO.serialise_first_call
def has_bfloat16() -> bool:
    """Return whether this processor computes in bfloat16 natively."""
    if os.environ.get(ISA_VARIABLE, "").upper() in _WITHOUT_BFLOAT16:
        return False
    capable = import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "BF16" in capable
