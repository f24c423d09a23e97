"""Global descriptors: networks, pooling, whitening."""
