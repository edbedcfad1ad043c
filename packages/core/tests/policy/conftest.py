from __future__ import annotations

from ..unit.conftest import office

__all__ = ["office"]
