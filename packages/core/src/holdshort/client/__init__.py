"""Clients: what agents and reviewers write against."""

from holdshort.client.async_client import AsyncClient
from holdshort.client.async_reviewer import AsyncReviewer
from holdshort.client.client import Client
from holdshort.client.decision import Decision
from holdshort.client.reviewer import Reviewer

__all__ = ["AsyncClient", "AsyncReviewer", "Client", "Decision", "Reviewer"]
