"""Start a refund, let it be decided, and go on in another process.

python demo.py              all of it; a scripted reviewer refunds less
python demo.py start        ask, and end
python demo.py work         go on with what is decided
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support import REVIEWER, runner

from holdshort import Client, Reviewer, Worker
from holdshort.adapters import Suspended

RUN = "refund-A-17"


def start() -> None:
    """Run the agent until it waits, and return."""
    with Client() as client:
        said = "My order A-17 arrived broken."
        outcome = runner(client).run_sync("support", said, run_id=RUN)
    if isinstance(outcome, Suspended):
        print(f"asked {REVIEWER}; this process can end. Intents: {', '.join(outcome.intent_ids)}")
    else:
        print(f"the agent said, without asking anybody: {outcome.output}")


def work() -> None:
    """Go on with every run that is decided."""
    with Client() as client:
        Worker(client, apps=[runner(client)]).run(once=True)
        run = client.get_run(RUN)
    print(run["result"]["output"] if run and run["result"] else "nothing is decided yet")


def everything() -> None:
    """All steps, each in a process of its own."""
    here = [sys.executable, __file__]
    subprocess.run([*here, "start"], check=True)
    with Reviewer(person=REVIEWER) as reviewer:
        for task in reviewer.tasks():
            asked = reviewer.get(task["intent_id"])["arguments"]
            print(f"{REVIEWER} sees: refund {asked}")
            less = {**asked, "amount": 100}
            reviewer.approve(task["intent_id"], arguments=less, comment="shipping stays with us")
    subprocess.run([*here, "work"], check=True)
    print(Path("refunds.csv").read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    {"start": start, "work": work}.get("".join(sys.argv[1:]), everything)()
