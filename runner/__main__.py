"""The console script and `python -m runner`: every way out has its exit code, and none of them is a traceback."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit; see `runner.cli.main.run`."""
    from runner.cli.main import run  # here, so that a broken installation still gets the handler below

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
