"""Start a deploy, let it be decided, and go on in other processes.

python demo.py              all of it; a scripted reviewer answers, and releases to fewer users
python demo.py start        begin, and end as soon as a person is asked
python demo.py work         go on with what is decided
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deploys import REVIEWER, durable

from holdshort import Client, Reviewer, Worker
from holdshort_pydantic_ai import Suspended

RUN = "deploy-2.1"


def start() -> None:
    """Run the agent until it waits, and return."""
    with Client() as client:
        outcome = durable(client).run_sync("Ship 2.1.", run_id=RUN)
    if isinstance(outcome, Suspended):
        print(f"asked {REVIEWER}; this process can end. Intents: {', '.join(outcome.intent_ids)}")
    else:
        print(f"the agent said, without asking anybody: {outcome.output}")


def work() -> None:
    """Go on with every run that is decided."""
    with Client() as client:
        Worker(client, apps=[durable(client)]).run(once=True)
        run = client.get_run(RUN)
    if run is None or run["status"] != "done":
        print("a person is asked; this process can end")
    else:
        print(run["result"])


def review() -> None:
    """Answer what is asked, as the scripted reviewer does."""
    with Reviewer(person=REVIEWER) as reviewer:
        for task in reviewer.tasks():
            intent_id = task["intent_id"]
            asked = reviewer.get(intent_id)
            if asked["tool"] != "deploy":
                print(f"{REVIEWER} is asked: {asked['title']}  ->  eu")
                reviewer.submit(intent_id, "provided", data={"answer": "eu"})
                continue
            print(f"{REVIEWER} sees: deploy {asked['arguments']}  ->  10 % first")
            fewer = {**asked["arguments"], "rollout": {"region": "eu", "percent": 10}}
            reviewer.approve(intent_id, arguments=fewer, comment="migrations: 10 % first")


def everything() -> None:
    """All steps, each of the agent's in a process of its own."""
    here = [sys.executable, __file__]
    subprocess.run([*here, "start"], check=True)
    for _ in range(2):
        review()
        subprocess.run([*here, "work"], check=True)
    print(Path("deploys.csv").read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    {"start": start, "work": work}.get("".join(sys.argv[1:]), everything)()
