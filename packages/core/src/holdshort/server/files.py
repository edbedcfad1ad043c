"""Files that reviewers put beside an intent."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import InvalidRequest, NotFound, PayloadTooLarge
from holdshort.lifecycle import Attach
from holdshort.models import Attached, Intent, Principal
from holdshort.requests import Request as Body
from holdshort.server import views
from holdshort.server.auth import require
from holdshort.server.context import Context, context
from holdshort.server.replies import Json
from holdshort.store.base import StoredFile

_LONGEST_NAME = 120
_UNSAFE = re.compile(r'[<>:"/\\|?*\s]+')
#: What a body has beside the file (bytes).
_BESIDE = 4096


class FileBody(Body):
    """A file to put beside an intent, as evidence."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    data: Annotated[str, Field(description="the bytes, in Base64")]


async def add(request: Request) -> Response:
    """Put a file beside an intent that you are asked about. Its `sha256` can then be named as
    evidence; the same file under the same name is there once."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person")
    most = ctx.settings.max_upload
    body = await ctx.body(request, FileBody, most * 4 // 3 + _BESIDE)
    intent = await ctx.intent(principal, request.path_params["intent_id"])
    try:
        data = base64.b64decode(body.data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(
            "data is not Base64", problems=[{"field": "data", "problem": "not Base64"}]
        ) from None
    if len(data) > most:
        raise PayloadTooLarge(f"this file has {len(data)} bytes; a file may have {most}")
    kept = await keep(ctx, principal, intent, safe_name(body.name), data)
    return Json({"ok": True, "file": views.file(kept)})


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


async def keep(ctx: Context, by: Principal, intent: Intent, name: str, data: bytes) -> Attached:
    """Keep a file beside an intent, and record that; return the record. What the person may not
    do is refused before anything is written."""
    sha256 = hashlib.sha256(data).hexdigest()
    command = Attach(by, name, sha256, len(data))
    done = await ctx.engine.submit(intent.tenant, intent.id, command)
    file = StoredFile(
        tenant=intent.tenant,
        sha256=sha256,
        name=name,
        media="application/octet-stream",
        size=len(data),
        person=by.id,
        created_at=ctx.engine.store.clock.now(),
    )
    await ctx.engine.write(lambda tx: tx.put_file(file, data))
    return next(f for f in done.intent.files if (f.sha256, f.name) == (sha256, name))


def safe_name(name: str) -> str:
    """Return a file's name without folders and without characters that hide or mean something.

    >>> safe_name("C:\\\\tmp\\\\..\\\\in\u202evoice.pdf")
    'in_voice.pdf'
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = "".join(char if char.isprintable() else "_" for char in last)
    plain = _UNSAFE.sub("_", plain).strip("._ ")
    if len(plain) > _LONGEST_NAME:
        stem, dot, ending = plain.rpartition(".")
        ending = f"{dot}{ending[:20]}" if dot else ""
        plain = (stem or plain)[: _LONGEST_NAME - len(ending)] + ending
    return plain or "file"
