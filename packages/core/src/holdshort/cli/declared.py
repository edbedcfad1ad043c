"""What a `holdshort.yaml` declares, and what of it is not so yet."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from holdshort.cli.keys import segment
from holdshort.limits import EVERY_AGENT, Limits

M = TypeVar("M", bound=BaseModel)

#: What a file may hold, and the collection of the API that each part is kept in.
PARTS = ("default_reviewers", "people", "teams", "agents", "routes", "policies")


@dataclass(frozen=True, slots=True)
class Change:
    """One write that is to be made."""

    what: str
    """How it is called on the screen, for example `team finance`."""
    verb: str
    """`add` or `change`."""
    fields: dict[str, tuple[Any, Any]]
    """What differs: what it is, and what it becomes."""
    method: str
    path: str
    body: dict[str, Any]


def load(path: Path) -> dict[str, Any]:
    """Return what a JSON or YAML file says. A key that stands twice in one place is refused: one of
    the two would be lost in silence."""
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".json":
            found = json.loads(text, object_pairs_hook=_unique)
        else:
            found = _yaml(text)
    except ValueError as error:
        raise typer.BadParameter(f"{path.name} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{path.name} holds no object")
    return found


def _yaml(text: str) -> Any:
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        raise typer.BadParameter(
            "reading YAML needs PyYAML: pip install pyyaml (or write the file as .json)"
        ) from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
            _unique([(self.construct_object(key, deep=True), None) for key, _ in node.value])
            return super().construct_mapping(node, deep)  # type: ignore[no-any-return]

    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _unique(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} appears twice in one place")
    return found


def check_parts(wanted: dict[str, Any]) -> None:
    """Refuse what this file cannot hold. Raises typer.BadParameter."""
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        raise typer.BadParameter(
            f"nothing is known of {', '.join(unknown)}; a holdshort.yaml holds {', '.join(PARTS)}"
        )


def changes(wanted: dict[str, Any], present: dict[str, dict[str, dict[str, Any]]]) -> list[Change]:
    """Return the writes that make it so, in the order in which they are made.

    Args:
        wanted: what the file says.
        present: the items there are, by collection and name, as the API shows them.
    """
    found: list[Change] = []
    for name, said in _object(wanted, "people").items():
        found += _put("person", "people", name, _person(said or {}), present)
    for name, said in _object(wanted, "teams").items():
        members = said if isinstance(said, list) else (said or {}).get("members", [])
        found += _put("team", "teams", name, {"members": members}, present)
    for name, said in _policies(wanted).items():
        found += _put("policy", "policies", name, _policy(name, said), present)
    found += _agents(wanted.get("agents") or [], present["agents"], present["limits"])
    if "default_reviewers" in wanted:
        found += _settings(wanted["default_reviewers"], present["settings"]["settings"])
    return found


def _put(
    noun: str,
    collection: str,
    name: str,
    said: dict[str, Any],
    present: dict[str, dict[str, dict[str, Any]]],
) -> list[Change]:
    """Return the write of one item, if it is not as it is said to be. What is not said of a person
    stays as it is; a team and a policy are as they are said to be, and nothing else."""
    before = present[collection].get(name)
    held = dict(before or {})
    held.pop("name", None)
    if noun == "person":
        if "title" in held:
            held["name"] = held.pop("title")
        body = {one: held[one] for one in ("name", "roles", "active") if one in held} | said
    else:
        body = said
    compared = set(body) if noun == "person" else set(body) | set(held)
    differs = {
        one: (held.get(one), body.get(one))
        for one in sorted(compared)
        if _plain(held.get(one)) != _plain(body.get(one))
    }
    if before is not None and not differs:
        return []
    verb = "add" if before is None else "change"
    return [
        Change(f"{noun} {name}", verb, differs, "PUT", f"/v1/{collection}/{segment(name)}", body)
    ]


def _person(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise typer.BadParameter("people are objects: ana@acme.com: {name: Ana, roles: [finance]}")
    return dict(said)


def _policies(wanted: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return policies by type; a route is the part of one that says who decides."""
    found = {name: dict(said or {}) for name, said in _object(wanted, "policies").items()}
    for name, to in _object(wanted, "routes").items():
        reviewers = [to] if isinstance(to, str) else to
        said = found.setdefault(name, {})
        if said.get("reviewers", reviewers) != reviewers:
            raise typer.BadParameter(f"routes and policies name two kinds of reviewers for {name}")
        said["reviewers"] = reviewers
    return found


def _policy(name: str, said: dict[str, Any]) -> dict[str, Any]:
    """Return a policy in the spelling in which it is stored: `4h` is 14400 seconds."""
    from holdshort.requests import TenantPolicy

    return _stored(TenantPolicy, said, f"the policy for {name}")


def _stored(model: type[BaseModel], said: dict[str, Any], what: str) -> dict[str, Any]:
    return _read(model, said, what).model_dump(mode="json", exclude_unset=True)


def _read(model: type[M], said: dict[str, Any], what: str) -> M:
    try:
        return model.model_validate(said)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise typer.BadParameter(f"{what} is not usable: {wrong}") from None


def _agents(
    said: list[Any], present: dict[str, dict[str, Any]], limits: dict[str, dict[str, Any]]
) -> list[Change]:
    found = []
    for one in said:
        body = {"name": one} if isinstance(one, str) else dict(one)
        address = body.pop("address", None)
        if address is not None:
            body["name"] = address
        name = str(body.get("name", ""))
        wanted = body.pop("limits", None)
        if name == EVERY_AGENT:
            if wanted is None or set(body) != {"name"}:
                raise typer.BadParameter("'*' is every agent: only its limits can be said")
            found += _limits(EVERY_AGENT, wanted, limits)
            continue
        if name.removeprefix("agent://").count("/") != 2:
            raise typer.BadParameter(f"{name!r} is no agent: write agent://org/workspace/name")
        address = f"agent://{name.removeprefix('agent://')}"
        if address not in present:
            org, workspace, _ = address.removeprefix("agent://").split("/")
            body |= {"name": address, "org_id": org, "workspace_id": workspace}
            path = "/v1/service-accounts"
            found.append(Change(f"agent {address}", "add", {}, "POST", path, body))
        if wanted is not None:
            found += _limits(address, wanted, limits)
    return found


def _limits(agent: str, said: Any, present: dict[str, dict[str, Any]]) -> list[Change]:
    """Return the write of an agent's limits, if they are not as they are said to be."""
    from holdshort.server.limiting import LimitsBody, shown

    what = "limits of every agent" if agent == EVERY_AGENT else f"limits of {agent}"
    if not isinstance(said, dict):
        raise typer.BadParameter(f"{what} are an object: {{cost_per_day: 500, on_breach: block}}")
    body = shown(_read(LimitsBody, said, what).limits())
    before = present.get(agent)
    # What is not limited, neither now nor then, need not be said.
    held = before if before is not None else shown(Limits())
    differs = {one: (held[one], body[one]) for one in body if held[one] != body[one]}
    if before is not None and not differs:
        return []
    verb = "add" if before is None else "change"
    return [Change(what, verb, differs, "PUT", f"/v1/limits/{segment(agent)}", body)]


def _settings(reviewers: Any, present: dict[str, Any]) -> list[Change]:
    wanted = [reviewers] if isinstance(reviewers, str) else list(reviewers)
    before = present.get("default_reviewers")
    if before == wanted:
        return []
    body = present | {"default_reviewers": wanted}
    fields = {"default_reviewers": (before, wanted)}
    return [Change("settings", "change", fields, "PUT", "/v1/settings", body)]


def _object(wanted: dict[str, Any], part: str) -> dict[str, Any]:
    found = wanted.get(part) or {}
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{part} is an object: a name and what it is")
    return found


def _plain(value: Any) -> Any:
    """Make two spellings of the same JSON value equal."""
    return json.loads(json.dumps(value, sort_keys=True))
