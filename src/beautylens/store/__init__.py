"""What a collection keeps on disk, and how it is filled."""
