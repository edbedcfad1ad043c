"""The access log, without what must not stand in a log."""

from __future__ import annotations

import logging
import re

#: The secret of a link, in a mail too; a code; what a provider sends people back with.
_TOKEN = re.compile(r"(/(?:sign-in|m)/)(?:oidc/back\?\S+|code/[^/?\s]+|[^/?\s]+)")


class WithoutTokens(logging.Filter):
    """Leaves the secret of a sign-in link out: whoever reads the log could use it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                _TOKEN.sub(r"\1…", one) if isinstance(one, str) else one for one in record.args
            )
        return True
