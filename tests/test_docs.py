"""The documentation is true: its blocks run, its links lead somewhere, and nothing is left out."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from holdshort.cli.main import app
from holdshort.errors import BY_CODE
from holdshort.server.contract import ENDPOINTS
from holdshort.settings import Settings

from .docs_page import DATABASE, ROOT, SOURCE, Page, blocks
from .docs_processes import PageError, pattern, plain
from .faults.postgres import Postgres

DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted([ROOT / "README.md", ROOT / "ARCHITECTURE.md", *DOCS.rglob("*.md")])
#: Their blocks set up a clone, or are run by other tests; their links are looked at all the same.
LINKED = [*ROOT.glob("*.md"), *ROOT.glob("packages/*/*.md"), *ROOT.glob("examples/*/*.md")]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """A real PostgreSQL for the pages that speak of one."""
    with tempfile.TemporaryDirectory(prefix="holdshort-docs-") as folder:
        server = Postgres(Path(folder))
        yield server.make()
        server.close()


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_does_what_it_says(
    path: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    text = path.read_text(encoding="utf-8")
    page = Page(path, tmp_path, request.getfixturevalue("database") if DATABASE in text else None)
    page.run()
    languages = {block.language for block in blocks(text)}
    if languages & {"python", "console"} or path.parent.name == "howto":
        assert page.ran, "nothing of this page was run"


@pytest.mark.parametrize(
    "text",
    [
        "```python\nassert 1 == 2\n```\n",
        "```python\nprint(1)\n```\n<!-- test: prints -->\n```text\n2\n```\n",
        "```console\n$ false\n```\n",
        "```console\n$ echo one\ntwo\n```\n",
        "```console\nnot a command\n```\n",
        "```json\n{'a': 1}\n```\n",
        "```ruby\nputs 1\n```\n",
        "```\nof no language\n```\n",
        "<!-- test: something unheard of -->\n```python\npass\n```\n",
        "<!-- test: prints -->\nand no block\n",
        "<!-- test: ana@acme.com approves -->\n```python\nraise SystemExit\n```\n",
    ],
)
def test_a_page_that_is_wrong_is_noticed(text: str, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((PageError, ValueError)):
        Page(path, tmp_path).run()


def test_what_is_shown_may_leave_out() -> None:
    shown = pattern("one …\n…\nlast")
    for said in ("one two\nlast", "one  2\nthree\nfour\nlast\n"):
        assert re.fullmatch(shown, plain(said))
    for said in ("one two", "two\nlast", "one two\nlast\nmore"):
        assert not re.fullmatch(shown, plain(said))


def test_links_lead_somewhere() -> None:
    looked_at, broken = 0, []
    for path in {*PAGES, *LINKED}:
        for link in links(path):
            looked_at += 1
            target, _, anchor = link.partition("#")
            found = (path.parent / target).resolve() if target else path
            if not found.exists() or (anchor and anchor not in anchors(found)):
                broken.append(f"{name(path)}: {link}")
    assert looked_at > 60
    assert not broken, "\n".join(sorted(broken))


def test_every_page_can_be_found() -> None:
    seen, left = set(), [DOCS / "index.md"]
    while left:
        path = left.pop()
        if path in seen or path.suffix != ".md":
            continue
        seen.add(path)
        left += [(path.parent / link.partition("#")[0]).resolve() for link in links(path)]
    assert {*map(name, DOCS.rglob("*.md"))} <= {*map(name, seen)}


def links(path: Path) -> list[str]:
    """The links of a page to other pages and files of the repository."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    return [link for link in _LINK.findall(text) if "://" not in link]


def anchors(path: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    plain_texts = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {text.replace(" ", "-") for text in plain_texts}


def test_the_reference_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "make_reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_error_is_documented() -> None:
    text = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    assert {code for code in BY_CODE if f"| `{code}` |" not in text} == set()


def test_every_command_is_documented() -> None:
    text = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    found = [*commands(typer.main.get_command(app), "holdshort")]
    assert len(found) > 30
    assert [one for one in found if f"\n## {one}\n" not in text] == []


def commands(command: Any, path: str) -> Iterator[str]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path
        return
    for child_name, child in children.items():
        yield from commands(child, f"{path} {child_name}")


def test_every_setting_is_documented() -> None:
    text = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    wanted = {f"HOLDSHORT_{field.upper()}" for field in Settings.model_fields}
    for path in SOURCE.rglob("*.py"):
        wanted |= {*re.findall(r"\bHOLDSHORT_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8"))}
    assert {one for one in wanted if f"`{one}`" not in text} == set()


def test_every_operation_is_documented() -> None:
    text = (REFERENCE / "http.md").read_text(encoding="utf-8")
    assert [e.path for e in ENDPOINTS if f"\n## {e.method} {e.path}\n" not in text] == []


def test_every_event_and_message_is_documented() -> None:
    """Both ways: what the lifecycle does not say any more is not documented either."""
    text = (REFERENCE / "events.md").read_text(encoding="utf-8")
    log, messages = text.split("## Messages")
    said: dict[str, set[str]] = {"log": set(), "tell": set()}
    for path in (SOURCE / "holdshort" / "lifecycle").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("draft.log", "draft.tell"):
                said[ast.unparse(node.func).removeprefix("draft.")].add(
                    ast.literal_eval(node.args[0])
                )
    assert len(said["log"]) > 20
    row = re.compile(r"^\| `intent\.(\w+)` \|", re.M)
    assert {f"intent.{one}" for one in row.findall(log)} == said["log"]
    assert {*row.findall(messages)} == said["tell"]
