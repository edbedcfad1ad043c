"""Which addresses a server may be made to call by somebody who only names a host.

A webhook's URL is a way to make Holdshort send requests from inside a network. So the name is
resolved here, every address is judged, and the connection goes to what was judged, not to the name.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host and port, best first. Raises OSError where there are none."""

_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")
# Global by registry or by older Pythons' tables, and still never where a receiver lives: protocol
# assignments (with Teredo, which embeds addresses), retired 6to4 relays, documentation.
_NEVER = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20")))


def is_public(address: str) -> bool:
    """Return whether this is a unicast address of the public internet.

    An IPv6 address that carries an IPv4 one (mapped, 6to4, NAT64) is judged by the one it carries.
    Raises ValueError for what is no address.
    """
    return _public(ip_address(address))


def _public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            carried = IPv4Address(int(address) & 0xFFFFFFFF)
        if carried is not None:
            return _public(carried)
        if address not in _UNICAST:
            return False
    if address.is_multicast or any(address in network for network in _NEVER):
        return False
    return address.is_global


class ThreadResolver:
    """Asks the operating system, in threads of its own: a name server that hangs holds up other
    look-ups at most, not the threads that the rest of the process works with."""

    def __init__(self, threads: int = 8) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="holdshort-dns")

    async def __call__(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _look_up, host, port)

    def close(self) -> None:
        """Start no more look-ups. One that hangs in the operating system is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
