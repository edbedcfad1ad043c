"""Settings: from `HOLDSHORT_*` variables, each with a default that is safe on one machine."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_DATABASE = "sqlite:///.holdshort/holdshort.db"


class Settings(BaseSettings):
    """How a Holdshort runs. `Settings()` reads the environment; keyword arguments come first."""

    model_config = SettingsConfigDict(env_prefix="HOLDSHORT_", extra="ignore", frozen=True)

    database: str = Field(DEFAULT_DATABASE, description="sqlite:///path or postgresql://…")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8100, description="port; 0 takes a free one"
    )
    public_url: str | None = Field(None, description="where people reach this server, for links")
    max_body: int = Field(1024 * 1024, description="largest request body, in bytes")
    max_continuation: int = Field(8 * 1024 * 1024, description="largest continuation, in bytes")
    max_depth: int = Field(32, description="deepest nesting of a JSON body")
    rate_limit: float = Field(200.0, description="requests a second for one key; 0 sets no limit")
    rate_burst: float = Field(400.0, description="requests that one key may send at once")
    allow_private_webhooks: bool = Field(
        False, description="let webhooks go to private and loopback addresses"
    )
    undo_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        10.0, description="how long an answer given in the inbox can be taken back"
    )
    console: bool = Field(True, description="print notifications to standard error")
