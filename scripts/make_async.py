"""Make the async clients from the blocking ones; `--check` only says whether they are up to date.

Each substitution must still be used, so that a rule that no longer applies is noticed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parent.parent / "packages/core/src/holdshort/client"
MADE = {"client.py": "async_client.py", "reviewer.py": "async_reviewer.py"}
RULES = (
    (r"The (agent|reviewer)'s client", r"The \1's async client"),
    (r"`AsyncClient` is made from this file by", r"This file is made from `client.py` by"),
    (r"class (Client|Reviewer):", r"class Async\1:"),
    (r"-> (Client|Reviewer):", r"-> Async\1:"),
    (r">>> (client|reviewer) = (Client|Reviewer)\(", r">>> \1 = Async\2("),
    (r"    def (?!__init__)", r"    async def "),
    (r"__(enter|exit)__", r"__a\1__"),
    (r"(?<!def )self\._run\(", r"await self._run("),
    (r"import connect,", r"import connect_async,"),
    (r"= connect\(", r"= connect_async("),
    (r"import run$", r"import run_async"),
    (r"return run\(", r"return await run_async("),
    (r"        self\.close\(\)", r"        await self.close()"),
    (r"self\._transport\.close\(\)", r"await self._transport.close()"),
)


def make() -> dict[Path, str]:
    """Return the text of each file that is made."""
    unused = {pattern for pattern, _ in RULES}
    made = {}
    for source, target in MADE.items():
        text = (CLIENT / source).read_text(encoding="utf-8")
        for pattern, replacement in RULES:
            text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
            if count:
                unused.discard(pattern)
        head, _, rest = text.partition("\n")
        note = f"# Made by scripts/make_async.py from {source}: change that file."
        made[CLIENT / target] = _formatted(f"{note}\n{head}\n{rest}")
    if unused:
        sys.exit(f"rules that change nothing any more: {sorted(unused)}")
    return made


def _formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "made.py", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    """Write the files, or check them."""
    stale = []
    for path, text in make().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"out of date: {', '.join(stale)}. Run python scripts/make_async.py")
    print(f"{len(MADE)} async clients: {'written ' + ', '.join(stale) if stale else 'up to date'}")


if __name__ == "__main__":
    main()
