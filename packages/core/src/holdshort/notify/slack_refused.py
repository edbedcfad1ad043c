"""What Slack refuses, and what that means to us."""

from __future__ import annotations

from holdshort.notify.base import SendFailed

#: An administrator has to mend these; until then it is tried slowly (seconds).
_SLOWLY = 300.0
_SETUP = frozenset(
    {
        "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive",
        "missing_scope", "no_permission", "org_login_required", "ekm_access_denied",
        "team_access_not_granted", "access_denied", "not_allowed_token_type",
    }
)  # fmt: skip
#: With this recipient, or this message, no other try goes better.
_FOR_GOOD = frozenset(
    {
        "channel_not_found", "is_archived", "user_not_found", "users_not_found", "user_disabled",
        "user_not_visible", "cannot_dm_bot", "not_in_channel", "messages_tab_disabled",
        "method_not_supported_for_channel_type", "restricted_action", "invalid_users",
        "msg_too_long", "no_text", "invalid_arguments",
    }
)  # fmt: skip
#: Slack does not take these blocks: shorter ones may do.
BLOCKS_REFUSED = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})


class SlackRefused(Exception):
    """Slack answered that it does not do this.

    Args:
        code: Slack's word for why, for example `channel_not_found`.
        retry_after: seconds after which it wants to be asked again.
        passing: whether it is Slack or the way there that does not work now.
    """

    def __init__(
        self, code: str, *, retry_after: float | None = None, passing: bool = False
    ) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.passing = passing

    def as_failure(self) -> SendFailed:
        """Return it as the outbox wants to hear it."""
        if self.retry_after is not None:
            return SendFailed(f"Slack wants us to wait ({self.code})", retry_after=self.retry_after)
        if self.passing:
            return SendFailed(f"Slack could not be reached: {self.code}")
        if self.code in _SETUP:
            why = f"Slack refuses this app ({self.code}): an administrator has to look at its token"
            return SendFailed(why, retry_after=_SLOWLY)
        permanent = self.code in _FOR_GOOD or self.code in BLOCKS_REFUSED
        return SendFailed(f"Slack does not take it: {self.code}", permanent=permanent)
