"""Type aliases of NumPy arrays, one for each element type; docstrings give the shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
UInt8 = NDArray[np.uint8]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
# The type of row numbers and other indices.
Intp = NDArray[np.intp]
Float16 = NDArray[np.float16]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
# Any precision.
Floating = NDArray[np.floating[Any]]
Complex128 = NDArray[np.complex128]
