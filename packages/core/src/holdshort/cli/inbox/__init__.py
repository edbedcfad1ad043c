"""`holdshort inbox`: the cards of the inbox in a terminal, one key at a time."""

from holdshort.cli.inbox.command import register

__all__ = ["register"]
