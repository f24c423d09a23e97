"""From catalogue rows to stored rows, and what is computed over all of them."""
