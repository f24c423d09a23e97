"""What the owner of a server keeps: photos of searches, and what people said about them."""
