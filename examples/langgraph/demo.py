"""Start an export, let it be decided, and go on in another process.

python demo.py              all of it; a scripted reviewer leaves out the e-mail address
python demo.py start        ask, and end
python demo.py work         go on with what is decided
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from graph import REVIEWER, app

from holdshort import Client, Reviewer, Worker

THREAD = "export-1"


def start() -> list[str]:
    """Ask, and return; nothing waits."""
    source = Path(__file__).with_name("customers.csv")
    with Client() as client:
        asked = app(client).invoke({"source": str(source), "target": "export.csv"}, THREAD)
    print(f"asked {REVIEWER}; this process can end. Intents: {', '.join(asked.intent_ids)}")
    return list(asked.intent_ids)


def work() -> None:
    """Go on with every thread that is decided."""
    with Client() as client:
        Worker(client, apps=[app(client)]).run(once=True)
        run = client.get_run(THREAD)
    print(run["result"]["report"] if run and run["result"] else "nothing is decided yet")


def everything() -> None:
    """All steps, each in a process of its own."""
    here = [sys.executable, __file__]
    subprocess.run([*here, "start"], check=True)
    with Reviewer(person=REVIEWER) as reviewer:
        (task,) = reviewer.tasks()
        asked = reviewer.get(task["intent_id"])["arguments"]
        print(f"{REVIEWER} sees: columns {asked['columns']}, personal {asked['personal']}")
        less = {**asked, "columns": [name for name in asked["columns"] if name != "email"]}
        reviewer.approve(task["intent_id"], arguments=less, comment="no e-mail addresses")
    subprocess.run([*here, "work"], check=True)
    print(Path("export.csv").read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    {"start": start, "work": work}.get("".join(sys.argv[1:]), everything)()
