"""The README's Python runs as it stands there, and so does the example."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[1]
EXAMPLE = PACKAGE.parents[1] / "examples" / "openai_agents"


def blocks() -> list[str]:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("code", blocks())
def test_each_block_of_the_readme_runs(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), names)
    names["client"].close()


def test_the_example_refunds_what_was_cleared(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HOLDSHORT_")}
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "demo.py")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "refunds.csv").read_text(encoding="utf-8") == "A-17,100\n"
    assert "amount: 120 -> 100" in done.stdout
    assert "refunded 100 for A-17" in done.stdout
