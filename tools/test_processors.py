"""Run the numeric tests as processors with fewer instructions would compute.

    python tools/test_processors.py [--levels avx2 avx512] [pytest's own arguments]

Each library is held to a level by its own switch: OpenVINO's networks by oneDNN's limit, NumPy by
its features, OpenBLAS by its kernel, OpenCV by what it may dispatch to. ONNX Runtime has no such
switch and keeps the processor's own. Levels above the processor's are left out; on other systems
than Linux, which do not say what the processor has, there is nothing to run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

# What computes with numbers: networks, keypoints, text, whole searches, verdicts, portable files.
TESTS = (
    "tests/features/colour",
    "tests/features/encoder",
    "tests/features/local",
    "tests/features/neighbours",
    "tests/text",
    "tests/search",
    "tests/evaluation/calibration",
    "tests/test_collection.py",
    "tests/train/test_portable.py",
)
# By level: what /proc/cpuinfo calls the instructions that it needs, and the switches that allow no
# more than that.
LEVELS = {
    "avx2": (
        {"avx2"},
        {
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "OPENBLAS_CORETYPE": "Haswell",
            "OPENCV_CPU_DISABLE": "AVX512-SKX",
            "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
        },
    ),
    "avx512": (
        {"avx512f", "avx512bw", "avx512vl", "avx512_vnni"},
        {
            "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI",
            "OPENBLAS_CORETYPE": "SkylakeX",
            "NPY_DISABLE_CPU_FEATURES": "AVX512_SPR",
        },
    ),
    "bf16": ({"avx512_bf16"}, {"BEAUTYLENS_PRECISION": "bf16"}),
}
# Every switch, so that none of the caller's environment stays.
SWITCHES: set[str] = set().union(*(switches for _, switches in LEVELS.values()))


def has(instructions: set[str]) -> bool:
    """Tell whether this processor has instructions."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    flags = next((line for line in lines if line.startswith("flags")), "")
    return instructions <= set(flags.split())


def main() -> int:
    """Run every level that the machine has; return the first exit status that is not 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--levels", nargs="+", choices=LEVELS, default=list(LEVELS))
    arguments, rest = parser.parse_known_args()
    levels = [name for name in arguments.levels if has(LEVELS[name][0])]
    if not levels:
        print(f"this processor has none of {', '.join(arguments.levels)}")
        return 1
    if skipped := sorted(set(arguments.levels) - set(levels)):
        print(f"left out, for this processor lacks them: {', '.join(skipped)}", flush=True)
    for name in levels:
        print(f"as a processor with {name}", flush=True)
        kept = {key: value for key, value in os.environ.items() if key not in SWITCHES}
        environment = {**kept, **LEVELS[name][1]}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *TESTS, *rest], env=environment, check=False
        )
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
