"""Nearest neighbours among the descriptors of a gallery, and diffusion over them."""
