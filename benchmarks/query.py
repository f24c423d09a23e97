"""The whole query against the source papers' way: the same photos, the same number of products.

    python benchmarks/query.py [--quick] [--products 20000] [--collection FOLDER] [--json]

Theirs: PyTorch eager at 224 pixels, an exact scan of 2048 single-precision numbers a product by
NumPy, SIFT of the photo, an OpenCV FLANN loop over the first 100 pictures. `ratio` compares the
default recipe, print left unread, with SENet-154, their best system; `ratio_same_network` compares
ResNet-50 on both sides. Networks have random weights: they take as long. Decoding is counted, the
gallery's keypoints lie in memory for them, on disk for us. Needs `make train`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Seconds in which the threads of the way before stop spinning.
SETTLE = 0.3
DEPTH, KEYPOINTS, LONGEST, SIDE = 100, 500, 640, 224
Floats = NDArray[np.float32]
Query = Callable[[Path], Any]
