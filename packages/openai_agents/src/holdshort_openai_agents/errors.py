"""What this adapter raises besides the errors of Holdshort."""

from __future__ import annotations

from holdshort.errors import Conflict, HoldshortError


class RunFailed(HoldshortError):
    """This run has failed, and nothing takes it up again. Start another one."""

    code = "run_failed"


class StillWaiting(Conflict):
    """This run waits for people: it takes no new prompt until they have answered."""

    code = "run_still_waiting"


class Parked(BaseException):
    """Leaves the framework from inside of a tool: the run goes on later, from its saved state.

    A BaseException: every other one the framework gives to the model, or ends the run on it.
    """

    def __init__(self, why: str, question: str | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.question = question


class Unusable(HoldshortError):
    """What was saved of this run is nothing that this process can go on from."""

    code = "run_unusable"

    def __init__(self, why: str, /, *, elsewhere: bool = False) -> None:
        super().__init__(why)
        self.elsewhere = elsewhere
        """Whether another process may be able to."""
