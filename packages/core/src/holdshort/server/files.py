"""Files that reviewers put beside an intent."""

from __future__ import annotations

import base64

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import NotFound
from holdshort.models import Attached, Intent
from holdshort.server import views
from holdshort.server.context import Context, context
from holdshort.server.replies import Json


async def get(request: Request) -> Response:
    """Return a file that a reviewer put beside an intent, in Base64. Nobody has looked into it."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    found = await ctx.intent(principal, request.path_params["intent_id"])
    listed, data = await find_file(ctx, found, request.path_params["sha256"])
    return Json(
        {"ok": True, "file": views.file(listed), "data": base64.b64encode(data).decode("ascii")}
    )


async def find_file(ctx: Context, intent: Intent, sha256: str) -> tuple[Attached, bytes]:
    """Return a file of this intent. Raises NotFound for any other, whoever knows its hash."""
    listed = next((one for one in intent.files if one.sha256 == sha256), None)
    if listed is None:
        raise NotFound("there is no such file here")
    found = await ctx.engine.read(ctx.engine.store.file, intent.tenant, sha256, heavy=True)
    if found is None:
        raise NotFound("this file has not arrived")
    return listed, found[1]
