"""From what the user said (or the environment says) to a transport."""

from __future__ import annotations

import os
from typing import Literal

from holdshort.client.transports.base import AsyncTransport, Transport
from holdshort.errors import ConfigurationError

Kind = Literal["agent", "person"]
EMBEDDED_DEFAULT = "sqlite:///.holdshort/holdshort.db"


def target(url_or_database: str | None) -> str:
    """Return where to connect to: the argument, else HOLDSHORT_URL, else HOLDSHORT_DATABASE, else
    the embedded database in this folder."""
    return (
        url_or_database
        or os.environ.get("HOLDSHORT_URL")
        or os.environ.get("HOLDSHORT_DATABASE")
        or EMBEDDED_DEFAULT
    )


def is_server(where: str) -> bool:
    """Return whether this is a server's address rather than a database."""
    return where.startswith(("http://", "https://"))


def connect(where: str, api_key: str | None, *, kind: Kind, subject: str | None) -> Transport:
    """Return a blocking transport. Raises ConfigurationError where something is missing."""
    if is_server(where):
        from holdshort.client.transports.http import HttpTransport

        return HttpTransport(where, _key(api_key, kind))
    from holdshort.client.transports.embedded import EmbeddedTransport, local_principal

    return EmbeddedTransport(where, local_principal(kind, subject))


def connect_async(
    where: str, api_key: str | None, *, kind: Kind, subject: str | None
) -> AsyncTransport:
    """Return an async transport. Raises ConfigurationError where something is missing."""
    if is_server(where):
        from holdshort.client.transports.http import AsyncHttpTransport

        return AsyncHttpTransport(where, _key(api_key, kind))
    from holdshort.client.transports.embedded import AsyncEmbeddedTransport, local_principal

    return AsyncEmbeddedTransport(where, local_principal(kind, subject))


def _key(api_key: str | None, kind: Kind) -> str:
    variable = "HOLDSHORT_PERSON_KEY" if kind == "person" else "HOLDSHORT_API_KEY"
    key = api_key or os.environ.get(variable)
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigurationError(
            f"the API key holds a character that no key has: copy it again (api_key=…, {variable})"
        )
    if not key:
        raise ConfigurationError(
            f"a server needs an API key: pass api_key=… or set {variable}. `holdshort up` prints "
            "the first keys; `holdshort keys create` makes more."
        )
    return key
