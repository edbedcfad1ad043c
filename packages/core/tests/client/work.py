"""A worker in a process of its own: python work.py DATABASE AGENT FOLDER WHERE.

It writes what it does into files of the folder. WHERE says at what point it waits to be killed, or
to be let go on: `before` the action, `inside` it, `after` it, or `nowhere`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from holdshort import Client, Job, Worker


def main() -> None:
    database, agent, folder, where = sys.argv[1:]
    here = Path(folder)
    client = Client(database, agent=agent)
    worker = Worker(client, lease_seconds=1.0, retry_after=0.1)

    def reach(point: str) -> None:
        with (here / "log").open("a") as log:
            log.write(f"{point}\n")
        while point == where and not (here / "go on").exists():
            time.sleep(0.01)

    def act(rows: int) -> int:
        reach("inside")
        with (here / "effects").open("a") as effects:
            effects.write(f"{rows}\n")
        return rows

    @worker.on("intent.export.v1")
    def export(job: Job) -> None:
        reach("before")
        job.run_blocking(act)
        reach("after")

    reach("started")
    finished = worker.run()
    (here / f"finished {finished}").touch()
    client.close()


if __name__ == "__main__":
    main()
