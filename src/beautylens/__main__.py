"""`python -m beautylens`, the command line; what Accelerate's launcher runs."""

from beautylens.cli import main

main()
