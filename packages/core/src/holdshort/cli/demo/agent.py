"""The agent of the demo: exports customers, once a person has cleared exactly this export.

    python -m holdshort.cli.demo.agent customers.csv export.csv

It asks under a key made of what it wants, so that it can be killed and started again at any moment:
every start finds the same question, and the answer, if there is one by then.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from holdshort.cli.demo.scan import Found, scan
from holdshort.client import Client
from holdshort.errors import GrantRefused
from holdshort.visible import visible

AGENT = "agent://demo/local/data-export"
OWNER = "ana@example.com"
TEAM = "team:privacy"
FAILED, REJECTED, REFUSED = 1, 3, 4
"""Exit codes: the export broke; a person said no; the one run that was approved has been used."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, wait, export; return the exit code."""
    parser = argparse.ArgumentParser(description="Export customers, once somebody has approved it.")
    parser.add_argument("source", type=Path)
    parser.add_argument("destination", type=Path)
    asked = parser.parse_args(arguments)
    found = scan(asked.source)
    say(f"read {found.rows} rows of {asked.source}; personal data in: {_listed(found)}")
    with Client(agent=AGENT) as client:
        intent_id = ask(client, asked.source, asked.destination, found)
        say(f"waiting for the decision on intent {intent_id}")
        decision = client.wait_for(intent_id)
        if not decision.approved:
            say(f"{decision.outcome} by {decision.decided_by}: {decision.comment or 'no reason'}")
            return REJECTED
        say(
            f"{decision.outcome} by {decision.decided_by}" + (", edited" if decision.edited else "")
        )
        attempt = f"export-{uuid.uuid4()}"
        try:
            permit = client.consume(intent_id, decision.digest, attempt)
        except GrantRefused as refused:
            say(f"nothing was exported: {refused.message}")
            return REFUSED
        try:
            written = export(**permit["arguments"])
        except (OSError, ValueError) as error:
            client.report(intent_id, attempt, succeeded=False, error=str(error))
            say(f"the export failed: {error}")
            return FAILED
        client.report(intent_id, attempt, succeeded=True, result=written)
        say(f"wrote {written['rows']} rows with {', '.join(written['columns'])}")
    return 0


def ask(client: Client, source: Path, destination: Path, found: Found) -> str:
    """File the question, or find it where an earlier process has asked it."""
    return client.send_intent(
        "intent.data.export.v1",
        key=f"export {found.sha256[:16]} to {destination}",
        title=f"Export {found.rows} customers to {destination}",
        description=f"{source} holds personal data: {_listed(found)}. Remove columns you will not "
        "let out.",
        to=OWNER,
        action={
            "tool": "export_csv",
            "arguments": {
                "file": str(source),
                "sha256": found.sha256,
                "columns": found.columns,
                "rows": found.rows,
                "personal_data": found.personal_data,
                "destination": str(destination),
            },
        },
        # Minutes and hours in real life; here somebody is looking on.
        remind_after="1s",
        escalate=[{"after": "2s", "to": TEAM}],
        deadline="1h",
    )


def export(
    *, file: str, sha256: str, columns: list[str], destination: str, **_: Any
) -> dict[str, Any]:
    """Write these columns of this file, and nothing else; return what was written."""
    found = scan(Path(file))
    if found.sha256 != sha256:
        raise ValueError(f"{file} has changed since it was approved")
    if unknown := [column for column in columns if column not in found.columns]:
        raise ValueError(f"{file} has no column named {', '.join(unknown)}")
    part = Path(f"{destination}.part")
    rows = 0
    with (
        open(file, newline="", encoding="utf-8") as source,
        part.open("w", newline="", encoding="utf-8") as target,
    ):
        writer = csv.DictWriter(target, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in csv.DictReader(source):
            writer.writerow(row)
            rows += 1
    os.replace(part, destination)
    return {"destination": destination, "columns": columns, "rows": rows}


def _listed(found: Found) -> str:
    return ", ".join(
        f"{column} ({', '.join(f'{count} {kind}' for kind, count in kinds.items())})"
        for column, kinds in found.personal_data.items()
    )


def say(text: str) -> None:
    """Print at once: the demo looks on. In one write, so that nothing of the console's comes into
    the line where output is not buffered."""
    print(f"[agent, pid {os.getpid()}] {visible(text)}\n", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
