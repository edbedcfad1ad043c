"""OpenAPI 3.1, made from the contract."""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from holdshort.server.contract import ENDPOINTS, Endpoint
from holdshort.server.schemas import PARAMETERS, REPLIES

_REF = "#/components/schemas/{model}"


@cache
def openapi() -> dict[str, Any]:
    """Return the description of the whole API."""
    models = {e.body for e in ENDPOINTS if e.body is not None} | set(REPLIES.values())
    ordered = sorted(models, key=lambda model: model.__name__)
    _, definitions = models_json_schema([(m, "validation") for m in ordered], ref_template=_REF)
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Holdshort",
            "version": "1",
            "description": "Durable human decisions for AI agents.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    doc = re.sub(r"\s+", " ", inspect.getdoc(endpoint.handler) or "")
    summary = re.split(r"(?<=[.])\s|;|:", doc, maxsplit=1)[0].rstrip(".")
    operation: dict[str, Any] = {
        "operationId": _operation_id(endpoint),
        "summary": summary,
        "description": doc,
        "parameters": [*_path(endpoint), *_query(endpoint), *_headers(endpoint)],
        "responses": {
            "200": {
                "description": "done",
                "content": {endpoint.media: {"schema": _reply(endpoint)}},
            },
            "default": {
                "description": "refused: RFC 9457",
                "content": {"application/problem+json": {"schema": _ref("Problem")}},
            },
        },
    }
    if endpoint.path == "/ready":
        operation["responses"]["503"] = operation["responses"]["200"] | {"description": "not ready"}
    if endpoint.roles:
        operation["security"] = [{"bearer": []}, {"apiKey": []}]
        operation["description"] += f" Key of role: {', '.join(endpoint.roles)}."
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(endpoint.body.__name__)}},
        }
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    words = re.sub(r"[{}]", "", endpoint.path).removeprefix("/v1").strip("/")
    return f"{endpoint.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', words)}"


def _reply(endpoint: Endpoint) -> dict[str, Any]:
    return (
        {"type": "string"} if endpoint.reply == "Text" else _ref(REPLIES[endpoint.reply].__name__)
    )


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}


def _path(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]


def _query(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", "schema": PARAMETERS[name]} for name in endpoint.query]


def _headers(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [{"name": name, "in": "header", "schema": PARAMETERS[name]} for name in endpoint.headers]
