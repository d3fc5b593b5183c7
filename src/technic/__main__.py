"""`python -m technic` is the command line."""

from technic.interfaces.cli import main

main()
