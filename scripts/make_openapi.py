"""Write the OpenAPI document into docs/reference; `--check` only says whether it is up to date."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from holdshort.server.openapi import openapi

TARGET = Path(__file__).parent.parent / "docs/reference/openapi.json"


def main() -> None:
    """Write the file, or check it."""
    text = json.dumps(openapi(), indent=2, ensure_ascii=False) + "\n"
    known = TARGET.read_text(encoding="utf-8") if TARGET.exists() else None
    name = TARGET.relative_to(TARGET.parents[2])
    if known == text:
        print(f"{name}: up to date")
        return
    if "--check" in sys.argv:
        sys.exit(f"{name} is out of date. Run python scripts/make_openapi.py")
    TARGET.write_text(text, encoding="utf-8")
    print(f"{name}: written")


if __name__ == "__main__":
    main()
