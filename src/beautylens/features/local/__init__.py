"""Local features: keypoints, matching, verification, VLAD."""
