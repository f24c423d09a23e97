"""The storage of a collection: rows, vector index, artefacts and failures."""
