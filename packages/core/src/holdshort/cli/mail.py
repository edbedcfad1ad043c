"""`holdshort mail`: replies to mails become comments."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from holdshort.cli import output
from holdshort.cli.command import command, new_group
from holdshort.cli.output import escape, line
from holdshort.cli.session import Session
from holdshort.errors import Forbidden, InvalidRequest, NotFound, RateLimited
from holdshort.notify import replies

group = new_group("Mail: what people reply to a mail becomes a comment.")


@command(
    group,
    "receive",
    acts="service",
    examples=[
        "holdshort mail receive < reply.eml",
        "holdshort mail receive --mailbox decide@acme.com --vouched-by mx.acme.com < reply.eml",
    ],
)
def receive(
    session: Session,
    mailbox: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="HOLDSHORT_MAIL_REPLY_TO; any address without it."),
    ] = None,
    vouched_by: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Take a mail only where the Authentication-Results of this mail server, your own, "
            "say that DMARC passed.",
        ),
    ] = None,
) -> None:
    """Post one mail, read from standard input, as a comment.

    A mail server pipes mails to it. It decides nothing: the word "approve" in a mail is a word in a
    comment. What is no comment is ignored, with its reason on standard error: mails that were sent
    by themselves, from another address than the one that was asked, without words of their own. The
    exit code is 0 for those as well, so that nobody is sent a bounce; any other means that the mail
    should be tried again."""
    raw = sys.stdin.buffer.read(replies.LARGEST + 1)
    try:
        reply = replies.reply_in(raw, mailbox=mailbox, vouched_by=vouched_by)
        answer = session.call(
            "POST",
            "/v1/mail-replies",
            {
                "token": reply.token,
                "sender": reply.sender,
                "text": reply.text,
                "message_id": reply.message_id,
            },
        )
    except (replies.Ignored, NotFound, Forbidden, InvalidRequest, RateLimited) as why:
        output.note(f"ignored: {escape(why)}")
        if session.json:
            output.document({"ok": True, "ignored": str(why)})
        return
    if session.json:
        output.document(answer)
        return
    intent = answer["intent"]
    line(f"A comment of {escape(reply.sender)} on {escape(intent['intent_id'])}")
