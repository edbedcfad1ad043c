"""The routes that AgentField's SDK calls, so that its `pause` waits for a decision made here."""

from holdshort.agentfield.routes import ROUTES

__all__ = ["ROUTES"]
