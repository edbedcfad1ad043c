"""The README's Python runs as it stands there, and so does the example."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from holdshort import Client

PACKAGE = Path(__file__).parents[1]
EXAMPLE = PACKAGE.parents[1] / "examples" / "pydantic_ai"


def blocks() -> list[str]:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("code", blocks())
def test_each_block_of_the_readme_runs(
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "readme"}
    try:
        exec(compile(code, "README.md", "exec"), names)
    finally:
        if isinstance(names.get("client"), Client):
            names["client"].close()
    if "# {" in code:
        assert re.findall(r"# (\{.*\})", code)[0] in capsys.readouterr().out


def test_the_example_releases_what_was_cleared(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HOLDSHORT_")}
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "demo.py")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "'percent': 100" in done.stdout, "the default is not shown"
    assert "Done: 2.1 reaches 10 % of eu." in done.stdout
    assert (tmp_path / "deploys.csv").read_text(encoding="utf-8") == "2.1,eu,10\n"
