"""`python -m beautylens`, the command line; what `accelerate launch -m` runs."""

from beautylens.cli import main

main()
