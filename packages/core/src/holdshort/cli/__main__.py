"""`python -m holdshort.cli`: the same as `holdshort`, where that script is not on the path."""

import sys

from holdshort.cli import main

if __name__ == "__main__":
    sys.exit(main())
