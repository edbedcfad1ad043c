"""Run every test suite, two at once, each in its own environment; fail where one fails.

    .venv/bin/python scripts/run_suites.py core workspace langgraph langgraph-floor -- -k timer

Suites are `core` and `workspace` (what crosses packages), both in .venv, `compat` and packages'
names (in .venvs/NAME); what stands after `--` is passed to pytest. As many run at once as
HOLDSHORT_TEST_JOBS says, by default one for each core and two at most: tests wait for real
processes, and more would starve them. A suite's output is printed when it has ended; until then a
line every minute says what runs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

#: Started first, for they take longest; they share the environment of the tools.
FIRST = ("core", "workspace")
#: Where tests stand that are no package's.
ELSEWHERE = {"workspace": "tests", "compat": "compat/tests"}
#: What pytest ends with where it ran nothing.
EMPTY = 5
#: How long a suite may take to end what it has started, once it is stopped (seconds).
PATIENCE = 30.0
#: How often a line says what still runs (seconds).
NEWS = 60.0


@dataclass
class Suite:
    """One suite, and how it went."""

    name: str
    output: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    seconds: float = 0.0

    def start(self, arguments: list[str]) -> None:
        package = self.name.removesuffix("-floor")
        home = ".venv" if self.name in FIRST else f".venvs/{self.name}"
        folder = ELSEWHERE.get(self.name, f"packages/{package}/tests")
        python = Path(home) / "bin" / "python"
        releases = "floor" if self.name.endswith("-floor") else "newest"
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [str(python), "-m", "pytest", "-v", "--durations=5", *arguments, folder],
            stdout=self.output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"HOLDSHORT_ENVIRONMENT": releases},
        )

    def show(self) -> None:
        """Print what it said."""
        assert self.process is not None
        self.seconds = time.monotonic() - self.began
        print(f"\n== {self.name}", flush=True)
        ready = Path(".venvs") / self.name / ".ready"
        if ready.exists():
            print(ready.read_text(encoding="utf-8"), end="", flush=True)
        self.output.seek(0)
        while chunk := self.output.read(1 << 16):
            sys.stdout.buffer.write(chunk)
        sys.stdout.flush()

    @property
    def code(self) -> int | None:
        """What pytest ended with: 0 where all passed, 5 where there was nothing to run."""
        return None if self.process is None else self.process.returncode


def main(given: list[str]) -> int:
    # Whoever starts this in the background may have it ignore Ctrl-C. Tests press it: what is
    # started from here must not inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    cut = given.index("--") if "--" in given else len(given)
    names, arguments = given[:cut], given[cut + 1 :]
    jobs = int(os.environ.get("HOLDSHORT_TEST_JOBS") or min(2, os.cpu_count() or 1))
    waiting = [Suite(name) for name in sorted(names, key=lambda name: name not in FIRST)]
    running: list[Suite] = []
    done: list[Suite] = []
    said = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                suite = waiting.pop(0)
                suite.start(arguments)
                running.append(suite)
                print(f"== {suite.name} began", flush=True)
            time.sleep(0.2)
            for suite in [one for one in running if one.process and one.process.poll() is not None]:
                running.remove(suite)
                suite.show()
                done.append(suite)
            if running and time.monotonic() - said > NEWS:
                said = time.monotonic()
                names_now = ", ".join(one.name for one in running)
                print(f"== running: {names_now}; still to come: {len(waiting)}", flush=True)
    finally:
        for suite in running:
            assert suite.process is not None
            # As Ctrl-C does it: pytest ends the processes that its tests have started.
            suite.process.send_signal(signal.SIGINT)
        for suite in running:
            assert suite.process is not None
            with suppress(subprocess.TimeoutExpired):
                suite.process.wait(timeout=PATIENCE)
            suite.process.kill()  # nothing, where it has ended
    print()
    # Whoever chooses tests leaves suites empty; whoever runs all of them must find some in each.
    fine = {0: "passed", EMPTY: "nothing chosen in"} if arguments else {0: "passed"}
    for suite in done:
        print(f"{fine.get(suite.code or 0, 'FAILED')} {suite.name} after {suite.seconds:.0f} s")
    good = all(suite.code in fine for suite in done) and any(suite.code == 0 for suite in done)
    return 0 if good else 1


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
