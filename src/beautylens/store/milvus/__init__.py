"""A Milvus cluster as the vector index of a collection."""
