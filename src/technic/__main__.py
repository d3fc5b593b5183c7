"""The command line: `technic`, and `python -m technic`."""

import sys

STOPPED = 130


def main() -> None:
    """Run a command; stop quietly at Ctrl-C, also while the commands are still being imported."""
    try:
        from technic.interfaces.cli import main as run

        run()
    except KeyboardInterrupt:
        print("\ntechnic: stopped; what was stored is safe", file=sys.stderr)
        sys.exit(STOPPED)


if __name__ == "__main__":
    main()
