"""Text: reading the text and codes on packs, and search by the texts of products."""
