"""Start a crew, let its purchase be decided, and let an editor publish, each in another process.

python demo.py              all of it; a scripted editor pays less
python demo.py start        begin the research, and end
python demo.py work         go on with what is decided
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from story import EDITOR, crews, flows

from holdshort import Client, Reviewer, Worker
from holdshort.adapters import Suspended

RESEARCH, ARTICLE = "tea-research", "tea-article"


def start() -> None:
    """Run the crew until it waits, and return."""
    with Client() as client:
        outcome = crews(client).run({"topic": "tea"}, run_id=RESEARCH)
    if isinstance(outcome, Suspended):
        print(f"asked {EDITOR}; this process can end. Intents: {', '.join(outcome.intent_ids)}")
    else:
        print(f"the crew wrote, without asking anybody: {outcome.raw}")


def work() -> None:
    """Go on with whatever is decided; hand what the crew has written to the flow."""
    with Client() as client:
        research, publishing = crews(client), flows(client)
        Worker(client, apps=[research, publishing]).run(once=True)
        written = client.get_run(RESEARCH)
        if written is None or written["status"] != "done":
            print("nothing is decided yet")
            return
        outcome = publishing.run("publishing", {"text": written["result"]["raw"]}, run_id=ARTICLE)
        print(f"asked {EDITOR} again" if isinstance(outcome, Suspended) else outcome)


def everything() -> None:
    """All steps, each in a process of its own."""
    here = [sys.executable, __file__]
    subprocess.run([*here, "start"], check=True)
    with Reviewer(person=EDITOR) as editor:
        (task,) = editor.tasks()
        asked = editor.get(task["intent_id"])["arguments"]
        print(f"{EDITOR} sees: buy {asked}")
        editor.approve(task["intent_id"], arguments={**asked, "price": 60}, comment="our rebate")
        subprocess.run([*here, "work"], check=True)
        (task,) = editor.tasks()
        print(f"{EDITOR} sees: {editor.get(task['intent_id'])['arguments']['output']}")
        editor.submit(task["intent_id"], "publish", comment="as it is")
        subprocess.run([*here, "work"], check=True)
    print(Path("purchases.csv").read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    {"start": start, "work": work}.get("".join(sys.argv[1:]), everything)()
