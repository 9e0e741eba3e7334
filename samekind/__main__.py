"""`python -m samekind` is the command `samekind`."""

import sys

from samekind.cli import main

if __name__ == "__main__":
    sys.exit(main())
