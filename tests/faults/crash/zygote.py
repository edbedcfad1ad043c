"""Lives, quickly: everything is imported once, and each line of standard input is one fork.

A line is `{"database", "folder", "life", "deadly"}`; the answer is how the process ended. A life
that comes to its end writes what it finds wrong then into the file `problems`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
#: A life that hangs is ended (seconds).
LONGEST_LIFE = 60


def load() -> tuple[Any, Any, Any]:
    """Import this folder as a package: it is not installed, and stands beside no other name."""
    spec = importlib.util.spec_from_file_location(
        "crash", HERE / "__init__.py", submodule_search_locations=[str(HERE)]
    )
    assert spec is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["crash"] = package
    names = ("house", "scenario", "invariants")
    house, scenario, invariants = (importlib.import_module(f"crash.{name}") for name in names)
    return house, scenario, invariants


def main() -> None:
    house, scenario, invariants = load()
    import holdshort.store.postgres  # noqa: F401, PLC0415

    for line in sys.stdin:
        job = json.loads(line)
        folder = Path(job["folder"])
        pid = os.fork()
        if pid:
            _, status = os.waitpid(pid, 0)
            answer = {"ended": os.waitstatus_to_exitcode(status)}
            print(json.dumps(answer), flush=True)
            continue
        code = 1
        signal.alarm(LONGEST_LIFE)
        try:
            log = os.open(folder / f"log-{job['life']}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            asyncio.run(live(house, scenario, invariants, job, folder))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)


async def live(house: Any, scenario: Any, invariants: Any, job: Any, folder: Path) -> None:
    deadly = None if job["deadly"] is None else (job["deadly"][0], job["deadly"][1])
    here = house.House(job["database"], folder, job["life"], deadly)
    await scenario.play(here)
    (folder / "problems").write_text(json.dumps(await invariants.problems(here)))
    await here.holdshort.stop()


if __name__ == "__main__":
    main()
