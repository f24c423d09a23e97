"""Local features: keypoints, matching, geometric verification, VLAD."""
