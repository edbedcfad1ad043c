"""An agent that asks one thing, says so, waits, and says what it was told.

Arguments: the server or the database, and the key it asks under. HOLDSHORT_API_KEY for a server.
"""

from __future__ import annotations

import json
import sys

from holdshort import Client


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    where, key = sys.argv[1:]
    with Client(where) as client:
        intent_id = client.send_intent("intent.data.export.v1", to="ana@acme.com", key=key)
        say(asked=intent_id)
        decision = client.wait_for(intent_id)
        say(outcome=decision.outcome, comment=decision.comment)
