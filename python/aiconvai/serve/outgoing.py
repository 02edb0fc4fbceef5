"""Where requests of this program may go: to the world, and to private addresses that serve.toml allows.

A name is resolved once for each connection, its addresses are looked at, and one of those that may be is connected to:
a name server that says something else a moment later changes nothing. TLS goes on judging the name.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import urllib.request
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
THIS_MACHINE: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an address of IPv4."""

_log = logging.getLogger(__name__)


class Reach:
    """Which addresses may be connected to."""

    def __init__(self, private: Iterable[Network] = THIS_MACHINE) -> None:
        self._private = tuple(private)

    def may(self, text: str) -> bool:
        """Whether that address may be."""
        address = _meant(ip_address(text.partition("%")[0]))
        if any(address.version == one.version and address in one for one in self._private):
            return True
        return address.is_global and not address.is_multicast

    async def addresses(self, host: str, port: int) -> list[str]:
        """Of that name, those that may be, in the system's order. Raises `OSError`: there is none."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        given = list(dict.fromkeys(str(one[4][0]) for one in found))
        allowed = [one for one in given if self.may(one)]
        if given and not allowed:
            _log.warning("%s is %s: a private address, which `private` of [outgoing] in serve.toml does not allow",
                         host, ", ".join(given))  # fmt: skip
            raise OSError(f"{host} is at a private address that [outgoing] does not allow")
        return allowed


def _meant(address: Address) -> Address:
    """Where a connection to it goes."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def literal(url: str) -> Network | None:
    """Of a URL with an address in it, that address alone; None: it has a name."""
    try:
        address = ip_address((urlsplit(url).hostname or "").strip("[]"))
    except ValueError:
        return None
    return IPv4Network(address) if isinstance(address, IPv4Address) else IPv6Network(address)


def guard(transport: Any, reach: Reach, backend: Any, failed: type[Exception]) -> Any:
    """`transport`, of httpx or httpx2, whose connections are made as `reach` has it.

    Neither lets one choose by a public argument how a connection is made, so that the pool's own part is wrapped.
    """
    transport._pool._network_backend = _Backend(reach, backend, failed)
    return transport


def guarded(reach: Reach, limits: httpx.Limits) -> dict[str, httpx.AsyncBaseTransport]:
    """For `mounts` of a client of httpx: for each scheme that does not go by a proxy of the environment, which resolves
    names by itself.
    """
    proxies = urllib.request.getproxies()
    if "all" in proxies:
        return {}

    def transport() -> httpx.AsyncBaseTransport:
        made: httpx.AsyncBaseTransport = guard(
            httpx.AsyncHTTPTransport(limits=limits),
            reach, httpcore.AnyIOBackend(), httpcore.ConnectError,
        )  # fmt: skip
        return made

    return {f"{scheme}://": transport() for scheme in ("http", "https") if scheme not in proxies}


class _Backend:
    """httpcore's `AsyncNetworkBackend`, and httpcore2's."""

    def __init__(self, reach: Reach, backend: Any, failed: type[Exception]) -> None:
        self._reach = reach
        self._backend = backend
        self._failed = failed

    async def connect_tcp(self, host: str, port: int, timeout: float | None = None, **given: Any) -> Any:  # noqa: ASYNC109
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._reach.addresses(host, port)
        except (OSError, TimeoutError) as error:
            raise self._failed(str(error) or "no address in time") from error
        return await self._first(addresses, port, timeout, given)

    async def _first(self, addresses: Sequence[str], port: int, seconds: float | None, given: dict[str, Any]) -> Any:
        problem: Exception | None = None
        for address in addresses:
            try:
                return await self._backend.connect_tcp(address, port, timeout=seconds, **given)
            except self._failed as error:
                problem = error
        raise problem or self._failed("no address")

    async def connect_unix_socket(self, *_: Any, **__: Any) -> Any:
        raise self._failed("expected a host")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
