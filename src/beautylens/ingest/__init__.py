"""Ingestion: catalogue pictures become rows, and artefacts are computed over all of them."""
