"""`holdshort`, on a machine whose wall clock is set to something else while it runs.

The file that WALL_OFFSET names holds by how many seconds the wall clock is wrong.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

_true = time.time
_offset = Path(os.environ["WALL_OFFSET"])


def wrong() -> float:
    return _true() + float(_offset.read_text(encoding="utf-8") or 0)


time.time = wrong

from holdshort.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
