"""Files that come with a form: read within bounds, kept by their SHA-256, given back to save."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import InvalidRequest, PayloadTooLarge
from holdshort.inbox.web import (
    LARGEST_FORM,
    PRIVATE,
    Refused,
    one,
    own_form,
    require_same_origin,
    visitor,
)
from holdshort.server.context import context
from holdshort.server.files import find_file, safe_name
from holdshort.server.sessions import Visitor

Posted = dict[str, list[str]]

#: The most files in one form, and the most fields.
MOST_FILES, MOST_FIELDS = 10, 2000


@dataclass(frozen=True)
class Sent:
    """A file as a browser sent it, under the name of its control."""

    field: str
    name: str
    file: UploadFile


@asynccontextmanager
async def own_form_with_files(
    request: Request, who: Visitor
) -> AsyncIterator[tuple[Posted, list[Sent]]]:
    """Read what was posted from a page of this session, and the files that came with it, which
    can be read until the end of the block.

    Raises InvalidRequest for what is no such form, PayloadTooLarge for what is too much, Refused
    for a form of another page.
    """
    media = request.headers.get("content-type", "")
    if not media.lower().startswith("multipart/form-data"):
        yield await own_form(request, who), []
        return
    require_same_origin(request)
    largest = context(request).settings.max_upload
    parser = MultiPartParser(
        request.headers,
        _bounded(request, LARGEST_FORM + MOST_FILES * largest),
        max_files=MOST_FILES,
        max_fields=MOST_FIELDS,
        max_part_size=LARGEST_FORM,
    )
    try:
        found = await parser.parse()
    except _TooMuch as error:
        raise PayloadTooLarge(error.message) from None
    except (MultiPartException, ValueError, LookupError) as error:
        text = getattr(error, "message", "") or "it is no form that a browser sends"
        raise InvalidRequest(f"this form cannot be read: {text}") from error
    try:
        yield _sorted_out(found, who, largest)
    finally:
        await found.close()


def _sorted_out(found: FormData, who: Visitor, largest: int) -> tuple[Posted, list[Sent]]:
    posted: Posted = {}
    sent: list[Sent] = []
    for name, value in found.multi_items():
        if isinstance(value, str):
            posted.setdefault(name, []).append(value)
        elif value.filename:
            sent.append(Sent(name, safe_name(value.filename), value))
    if not who.sent_by_us(one(posted, "csrf")):
        raise Refused("this page is from an earlier session: go back, load it again, then decide")
    for file in sent:
        size = file.file.size or 0
        if size > largest:
            raise PayloadTooLarge(f"“{file.name}” has {size} bytes; a file may have {largest}")
    return posted, sent


class _TooMuch(MultiPartException):
    """What the parser takes for its own: so it closes the files that it has begun."""


async def download(request: Request) -> Response:
    """Give a file of an intent back: to be saved, never to be shown as a page of ours."""
    ctx, who = await visitor(request)
    intent = await ctx.intent(who.principal, request.path_params["intent_id"])
    listed, data = await find_file(ctx, intent, request.path_params["sha256"])
    ascii_name = listed.name.encode("ascii", "replace").decode().replace("?", "_")
    named = f"filename=\"{ascii_name}\"; filename*=UTF-8''{quote(listed.name, safe='')}"
    headers = {
        **PRIVATE,
        "Content-Disposition": f"attachment; {named}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(data, 200, headers, "application/octet-stream")


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    size = int(request.headers.get("content-length") or 0)
    if size > most:
        raise _TooMuch(f"this form has {size} bytes; at most {most} are taken")
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise _TooMuch(f"this form has more than {most} bytes")
        yield chunk


PAGES = (("GET", "/inbox/{intent_id}/files/{sha256}", download),)
