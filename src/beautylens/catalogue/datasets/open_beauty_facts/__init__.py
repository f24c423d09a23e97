"""Open Beauty Facts: products and photos under open licences."""
