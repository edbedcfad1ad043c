"""A server in a process of its own: python serve.py DATABASE PORT."""

from __future__ import annotations

import asyncio
import sys

import uvicorn

from holdshort.app import Holdshort
from holdshort.settings import Settings


async def main(database: str, port: int) -> None:
    settings = Settings(database=database, console=False, rate_limit=0.0)
    async with Holdshort.running(settings) as holdshort:
        config = uvicorn.Config(
            holdshort.asgi, port=port, log_level="warning", ws="none", lifespan="off"
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
