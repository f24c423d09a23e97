"""The scorer, the probability of each product, and the verdict."""
