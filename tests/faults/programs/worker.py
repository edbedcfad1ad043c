"""A worker that acts once for each approval, and can be stopped in the middle of it.

Arguments: the server, the file to act upon, seconds of lease. HOLDSHORT_API_KEY for the server.
It says when it has the job, and acts when it is told to on standard input.
"""

from __future__ import annotations

import json
import os
import sys

from holdshort import Client, Worker
from holdshort.errors import HoldshortError
from holdshort.worker import Job


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    where, effects, seconds = sys.argv[1:]
    worker = Worker(Client(where), lease_seconds=float(seconds))

    @worker.on("intent.data.export.v1")
    def resume(job: Job) -> None:
        say(leased=job.intent_id, delivery=job.delivery)
        sys.stdin.readline()

        def act() -> None:
            with open(effects, "a", encoding="utf-8") as file:
                file.write(f"{job.intent_id} {job.delivery} {os.getpid()}\n")

        try:
            job.run_blocking(act)
        except HoldshortError as error:
            say(refused=error.code, details=error.details)
            raise
        say(acted=job.intent_id)

    say(finished=worker.run())
