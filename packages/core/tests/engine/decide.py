"""Another process that decides: python decide.py DATABASE INTENT PERSON OUTCOME."""

from __future__ import annotations

import sys

from holdshort import Reviewer


def main() -> None:
    database, intent_id, person, outcome = sys.argv[1:]
    reviewer = Reviewer(database, person=person)
    if outcome == "approved":
        reviewer.approve(intent_id, comment="from another process")
    else:
        reviewer.reject(intent_id, comment="from another process")
    reviewer.close()


if __name__ == "__main__":
    main()
