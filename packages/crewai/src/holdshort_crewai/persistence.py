"""`HoldshortPersistence`: where a flow's state is kept, so that no disk has to be shared."""

from __future__ import annotations

from typing import Any

from crewai.flow.async_feedback.types import PendingFeedbackContext
from crewai.flow.persistence.base import FlowPersistence
from pydantic import BaseModel, PrivateAttr

from holdshort import Client
from holdshort.adapters import do, open_run
from holdshort.client import flows
from holdshort.errors import ConfigurationError, InvalidRequest
from holdshort_crewai.internals import json_of

#: The name of the app that goes on with flows, where nothing else is said.
APP = "crewai-flows"


class HoldshortPersistence(FlowPersistence):
    """CrewAI's persistence on Holdshort, for `@persist` and for flows that wait for people.

    A review is not kept here a second time: `DurableFeedback` saves it with the flow, and it stays
    until the listeners behind it are done. `Flow.from_pending` is therefore refused: a `FlowApp`
    goes on with the flow, under a lease, with the decision that was really made.
    """

    persistence_type: str = "HoldshortPersistence"
    app: str = APP
    _client: Client = PrivateAttr()

    def __init__(self, client: Client, *, app: str = APP) -> None:
        super().__init__(app=app)
        self._client = blocking(client)

    def init_db(self) -> None:
        """There is nothing to make."""

    def save_state(
        self, flow_uuid: str, method_name: str, state_data: dict[str, Any] | BaseModel
    ) -> None:
        """Keep the state that `@persist` hands over, beside the flow's run."""
        run = open_run(self._client, self._place(flow_uuid), app=f"{self.app}:state", again=True)
        run.suspend({"method": method_name, "state": json_of(state_data)})

    def load_state(self, flow_uuid: str) -> dict[str, Any] | None:
        """Return the state that was kept last, or None."""
        place = self._place(flow_uuid)
        if do(self._client, flows.get_run(place)) is None:
            return None
        run = open_run(self._client, place, app=f"{self.app}:state", again=True)
        run.suspend()
        return None if run.state is None else run.state["state"]

    def save_pending_feedback(
        self,
        flow_uuid: str,
        context: PendingFeedbackContext,
        state_data: dict[str, Any] | BaseModel,
    ) -> None:
        """The provider has saved it, before it stopped the flow. Raises InvalidRequest where it was
        another provider that did not."""
        found = do(self._client, flows.get_run(flow_uuid))
        if found is None:
            raise InvalidRequest(
                f"the review of {context.method_name} was not filed with Holdshort: "
                "HoldshortPersistence goes with DurableFeedback"
            )

    def load_pending_feedback(
        self, flow_uuid: str
    ) -> tuple[dict[str, Any], PendingFeedbackContext] | None:
        """Raise ConfigurationError: here an answer comes from Holdshort, not from a caller."""
        raise ConfigurationError(
            f"the flow {flow_uuid} is resumed by a worker, or by FlowApp.resume_flow: its answer "
            "is the decision that was made"
        )

    def _place(self, flow_uuid: str) -> str:
        return f"{flow_uuid}:state"


def blocking(client: Any) -> Client:
    """Return the client. Raises ConfigurationError for one that cannot block, as CrewAI does."""
    if not isinstance(client, Client):
        raise ConfigurationError("CrewAI blocks: give it a holdshort.Client, not an AsyncClient")
    return client
