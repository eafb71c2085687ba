"""`python -m wideopen` is the command line."""

from wideopen.cli import main

main()
