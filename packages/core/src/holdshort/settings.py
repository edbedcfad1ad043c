"""Settings: from `HOLDSHORT_*` variables, each with a default that is safe on one machine."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from holdshort.errors import ConfigurationError

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
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
    max_upload: int = Field(
        10 * 1024 * 1024, description="largest file that is taken as evidence, in bytes"
    )
    max_depth: int = Field(32, description="deepest nesting of a JSON body")
    rate_limit: float = Field(200.0, description="requests a second for one key; 0 sets no limit")
    rate_burst: float = Field(400.0, description="requests that one key may send at once")
    allow_private_webhooks: bool = Field(
        False, description="let webhooks go to private and loopback addresses"
    )
    callback_networks: str | None = Field(
        None,
        description="networks in which agents may be called back beside the public internet, with "
        "commas between, for example 10.0.0.0/8; by default this machine, where the server listens "
        "on it alone",
    )
    undo_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        10.0, description="how long an answer given in the inbox can be taken back"
    )
    session_seconds: Annotated[float, Field(ge=60, le=30 * 86400)] = Field(
        12 * 3600.0, description="how long somebody stays signed in to the inbox"
    )
    require_passkey_for_high_risk: bool = Field(
        False, description="take a yes of high risk only with a passkey, in the inbox"
    )
    oidc_issuer: str | None = Field(
        None,
        # Over plain http only on this machine: whoever sits between could be anybody.
        pattern=r"^(https://[^\s/]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)(/\S*)?$",
        description="OpenID provider that people sign in with: its issuer, https://…",
    )
    oidc_client_id: str | None = Field(None, description="what the provider calls this server")
    oidc_client_secret: SecretStr | None = Field(
        None, description="the secret that the provider gave this server, if it gave one"
    )
    oidc_name: str = Field("single sign-on", description="how the sign-in page calls the provider")
    oidc_tenant: str = Field(
        "default", description="the tenant whose people sign in with the provider"
    )
    slack_bot_token: SecretStr | None = Field(
        None, description="the Slack app's bot token, xoxb-…; with it people are asked in Slack"
    )
    slack_signing_secret: SecretStr | None = Field(
        None, description="the Slack app's signing secret: answers come over HTTP"
    )
    slack_app_token: SecretStr | None = Field(
        None, description="the Slack app's token, xapp-…: answers come by socket mode instead"
    )
    slack_api_url: str = Field(
        "https://slack.com/api/", description="where Slack's Web API is, for a proxy of yours"
    )
    push_contact: (
        Annotated[str, Field(pattern=r"^(mailto:[^@\s]+@[^@\s]+|https://\S+)$")] | None
    ) = Field(
        None,
        description="mailto:… or https://… of who runs this server, for push services; with it "
        "people are told on their devices",
    )
    smtp_host: str | None = Field(
        None, description="the mail server; with it people are asked by mail, and sign in by it"
    )
    smtp_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="its port; by default 587 for starttls, 465 for tls, 25 for none"
    )
    smtp_user: str | None = Field(None, description="who signs in to the mail server")
    smtp_password: SecretStr | None = Field(None, description="their password")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="how the connection to the mail server is kept from others' eyes"
    )
    smtp_allow_plain: bool = Field(
        False, description="let smtp_security be none for a server on another machine"
    )
    smtp_timeout: Annotated[float, Field(gt=0, le=24)] = Field(
        20.0, description="seconds that handing one mail over may take"
    )
    mail_from: str | None = Field(
        None, description="whom mails are from: Holdshort <holdshort@acme.com>"
    )
    mail_reply_to: str | None = Field(
        None,
        description="the mailbox for replies, which become comments by `holdshort mail receive`; "
        "it has to take decide+anything@acme.com for decide@acme.com",
    )
    console: bool = Field(True, description="print notifications to standard error")


def callback_networks(settings: Settings) -> list[str]:
    """Return the networks in which agents may be called back. Raises ConfigurationError for what
    is none.

    A server that only this machine can reach may call this machine: whoever can ask it to could
    make the call themselves.
    """
    if settings.callback_networks is None:
        return ["127.0.0.0/8", "::1/128"] if settings.host in _LOOPBACK else []
    found = [one.strip() for one in settings.callback_networks.split(",") if one.strip()]
    try:
        return [str(ip_network(one)) for one in found]
    except ValueError as error:
        raise ConfigurationError(f"HOLDSHORT_CALLBACK_NETWORKS: {error}") from error
