"""Arguments that nobody needs to see: masked in what is shown and sent, bound all the same.

A mask holds a salted SHA-256 of the true value, so the digest of the masked arguments stands for
the true ones too. A reader of the intent who can guess a short value can check the guess.
"""

from __future__ import annotations

import json
from typing import Any

from holdshort.digest import canonical, sha256
from holdshort.errors import StaleDigest

_MARK = "holdshort:masked:"


class Secrets:
    """Masks the named arguments of one call, and puts the true values back before it runs.

    >>> secrets = Secrets(("token",), salt="call-1")
    >>> masked = secrets.mask({"token": "abc", "n": 1})
    >>> masked["token"].startswith("holdshort:masked:"), masked["n"]
    (True, 1)
    >>> secrets.unmask(masked, {"token": "abc", "n": 1})
    {'token': 'abc', 'n': 1}
    """

    def __init__(self, names: tuple[str, ...], *, salt: str) -> None:
        self._names = frozenset(name.lower() for name in names)
        self._salt = salt

    def mask(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments with a mask in the place of each value that is named."""
        if not self._names:
            return arguments
        masked: dict[str, Any] = self._masked(arguments)
        return masked

    def unmask(self, approved: dict[str, Any], true: dict[str, Any]) -> dict[str, Any]:
        """Return the approved arguments with the true values in the place of their masks.

        Raises StaleDigest where a mask stands for a value that the call does not have: what was
        approved is not what would run.
        """
        if not self._names:
            return approved
        values: dict[str, Any] = {}
        self._collect(true, values)
        unmasked: dict[str, Any] = _replaced(approved, values)
        return unmasked

    def _masked(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: self._mask(child) if self._is_secret(name) else self._masked(child)
                for name, child in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._masked(child) for child in value]
        return value

    def _collect(self, value: Any, into: dict[str, Any]) -> None:
        if isinstance(value, dict):
            for name, child in value.items():
                if self._is_secret(name):
                    into[self._mask(child)] = child
                else:
                    self._collect(child, into)
        elif isinstance(value, list | tuple):
            for child in value:
                self._collect(child, into)

    def _is_secret(self, name: Any) -> bool:
        return isinstance(name, str) and name.lower() in self._names

    def _mask(self, value: Any) -> str:
        text = json.dumps(self._salt).encode() + canonical(value)
        return _MARK + sha256(text)[:32]


def _replaced(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, str) and value.startswith(_MARK):
        try:
            return values[value]
        except KeyError:
            raise StaleDigest(
                "a masked argument is not the one that was approved: the call has another value"
            ) from None
    if isinstance(value, dict):
        return {name: _replaced(child, values) for name, child in value.items()}
    if isinstance(value, list):
        return [_replaced(child, values) for child in value]
    return value
