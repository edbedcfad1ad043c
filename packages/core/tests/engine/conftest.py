from __future__ import annotations

from ..server.conftest import anyio_backend, house

__all__ = ["anyio_backend", "house"]
