"""Write what each adapter covers of the contract into docs/reference; `--check` only compares.

The table is made from the suites themselves: what an adapter declines there, with its reason, is
what it does not do.
"""

from __future__ import annotations

import inspect
import runpy
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs/reference/adapters.md"
HEAD = """# Adapters: what each one is held to

Every adapter passes one suite, `holdshort.testing.AdapterContract`: its framework's real runtime,
a scripted model, a real server, processes that are killed. It counts how often each tool ran, and
with which arguments. What an adapter declines is listed with its reason. Made by
`scripts/make_capabilities.py` from the suites; each package's README says what lies beyond it.

"""


def suites() -> dict[str, Any]:
    """Return the suite of each adapter, by the name of its package."""
    sys.dont_write_bytecode = True
    found = sorted(ROOT.glob("packages/*/tests/test_contract.py"))
    return {path.parents[1].name: runpy.run_path(str(path))["TestContract"] for path in found}


def page() -> str:
    """Return the page."""
    classes = suites()
    covered = {name: suite.capabilities() for name, suite in classes.items()}
    reasons: dict[str, int] = {}
    any_suite = next(iter(classes.values()))
    rows = []
    for scenario in any_suite.scenarios():
        said = inspect.getdoc(getattr(any_suite, f"test_{scenario}"))
        what = (said or scenario.replace("_", " ")).split("\n\n")[0].replace("\n", " ").rstrip(".")
        cells = []
        for table in covered.values():
            answer = table[scenario]
            if answer == "covered":
                cells.append("yes")
            else:
                cells.append(f"no ({reasons.setdefault(answer, len(reasons) + 1)})")
        rows.append(f"| `{scenario}` | {what} | {' | '.join(cells)} |")
    columns = " | ".join(name.replace("_", " ") for name in classes)
    lines = [f"| scenario | what happens | {columns} |", f"|---|---|{'---|' * len(classes)}"]
    notes = [f"{number}. {' '.join(reason.split())}" for reason, number in reasons.items()]
    return HEAD + "\n".join([*lines, *rows, "", *notes]).rstrip() + "\n"


def main() -> None:
    """Write the file, or check it."""
    text = page()
    known = TARGET.read_text(encoding="utf-8") if TARGET.exists() else None
    name = TARGET.relative_to(ROOT)
    if known == text:
        print(f"{name}: up to date")
        return
    if "--check" in sys.argv:
        sys.exit(f"{name} is out of date. Run python scripts/make_capabilities.py")
    TARGET.write_text(text, encoding="utf-8")
    print(f"{name}: written")


if __name__ == "__main__":
    main()
