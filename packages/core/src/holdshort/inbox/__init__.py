"""The pages where people decide, served by the same process as the API."""

from holdshort.inbox.routes import ROUTES

__all__ = ["ROUTES"]
