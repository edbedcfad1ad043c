"""Ids of calls that come only once, whatever the model's provider sends.

Some providers number the calls of each answer from 0. The SDK takes a call under an id that it has
seen for the call that it has seen: it runs nothing, adds no output, and asks the model again and
again. So an id that was used in the conversation before gets a suffix before the SDK looks at it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

from agents.models.interface import Model, ModelProvider

log = logging.getLogger("holdshort.openai_agents")
_MARK = "_holdshort_fresh_call_ids"
#: What runs here. What runs at the provider comes with its output, under the same id.
_CALLS = ("function_call", "custom_tool_call", "apply_patch_call", "local_shell_call")
_LONGEST = 56


def renew_call_ids(model: Any) -> None:
    """Make the ids of a model's calls, or of the calls of a provider's models, come only once in a
    conversation. The object is changed in place, once."""
    if not isinstance(model, Model | ModelProvider) or getattr(model, _MARK, False):
        return
    try:
        if isinstance(model, ModelProvider):
            _patch_provider(model)
        else:
            _patch_model(model)
        setattr(model, _MARK, True)
    except AttributeError:
        log.warning("ids of calls by %s stay as they are: it cannot be changed", type(model))


def _patch_provider(provider: Any) -> None:
    own = provider.get_model

    def get_model(*args: Any, **more: Any) -> Any:
        model = own(*args, **more)
        renew_call_ids(model)
        return model

    provider.get_model = get_model


def _patch_model(model: Any) -> None:
    get, stream = model.get_response, model.stream_response

    async def get_response(system_instructions: Any, input: Any, *args: Any, **more: Any) -> Any:
        response = await get(system_instructions, input, *args, **more)
        _Renewing(input).all_of(response)
        return response

    async def stream_response(
        system_instructions: Any, input: Any, *args: Any, **more: Any
    ) -> AsyncIterator[Any]:
        renewing = _Renewing(input)
        async for event in stream(system_instructions, input, *args, **more):
            if hasattr(event, "item") and hasattr(event, "output_index"):
                event.item = renewing.item(event.output_index, event.item)
            if hasattr(getattr(event, "response", None), "output"):
                renewing.all_of(event.response)
            yield event

    model.get_response = get_response
    model.stream_response = stream_response


class _Renewing:
    """The ids of one answer of the model, by the place of the call in it."""

    def __init__(self, input: Any) -> None:
        items = input if isinstance(input, list) else []
        self._used = {_get(item, "call_id") for item in items}
        self._given: dict[int, str] = {}

    def all_of(self, response: Any) -> None:
        """Renew the ids in a whole response."""
        response.output = [self.item(number, item) for number, item in enumerate(response.output)]

    def item(self, number: int, item: Any) -> Any:
        """Return an item of the answer with an id that was not used."""
        call_id = _get(item, "call_id")
        if _get(item, "type") not in _CALLS or not isinstance(call_id, str):
            return item
        if number not in self._given:
            fresh, count = call_id, 1
            while fresh in self._used:
                count += 1
                fresh = f"{call_id[:_LONGEST]}_{count}"
            self._used.add(fresh)
            self._given[number] = fresh
        given = self._given[number]
        if given == call_id:
            return item
        if isinstance(item, dict):
            return {**item, "call_id": given}
        return item.model_copy(update={"call_id": given})


def _get(item: Any, name: str) -> Any:
    return item.get(name) if isinstance(item, dict) else getattr(item, name, None)
