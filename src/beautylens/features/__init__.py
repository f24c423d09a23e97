"""From a picture to numbers: networks, pooling, keypoints and their matching."""
