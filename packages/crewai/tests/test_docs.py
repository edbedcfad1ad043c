"""The README's Python runs as it stands there, and so does the example."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from crewai.flow import flow_config

PACKAGE = Path(__file__).parents[1]
EXAMPLE = PACKAGE.parents[1] / "examples" / "crewai"
SAID = {
    "A flow": "published: Tea is a plant.",
    "Tools": "paid 5 to bob",
    "Crews": "Bob is paid.",
}


def blocks() -> dict[str, str]:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    sections = (part.partition("\n") for part in text.split("\n## ")[1:])
    found = (
        (name, re.findall(r"```python\n(.*?)```", body, re.DOTALL)) for name, _, body in sections
    )
    return {name: code[0] for name, code in found if code}


def test_every_block_is_found() -> None:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    assert blocks().keys() == SAID.keys()
    assert text.count("```python") == len(SAID)


@pytest.mark.parametrize("section", sorted(SAID))
def test_each_block_of_the_readme_runs(
    section: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "readme"}
    try:
        exec(compile(blocks()[section], "README.md", "exec"), names)
    finally:
        flow_config.hitl_provider = None
    assert SAID[section] in capsys.readouterr().out


def test_the_example_publishes_what_was_cleared(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "HOLDSHORT_EXAMPLE_MODEL"}
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
    assert (tmp_path / "purchases.csv").read_text(encoding="utf-8") == "The tea trade,60\n"
    assert "three countries" in (tmp_path / "article.md").read_text(encoding="utf-8")
