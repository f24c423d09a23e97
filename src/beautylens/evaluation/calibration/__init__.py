"""Learning the judge from photos whose products are known."""
