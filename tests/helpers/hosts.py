"""Hosts on this machine: network name spaces that a bridge joins, each with an address of its own.

What a host is not to see of the file system is covered for its processes, as on a machine that does not have it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Of the addresses that are kept for tests of networks (RFC 2544).
NETWORK = "198.18.{}.0/24"
FIRST = 10


class NoHosts(RuntimeError):
    """This machine does not allow it."""


@dataclass(frozen=True)
class Host:
    """Where processes run: this machine's loopback alone, or a name space."""

    address: str = "127.0.0.1"
    name: str = ""
    hidden: tuple[Path, ...] = ()

    @property
    def prefix(self) -> list[str]:
        """The beginning of a command that runs there."""
        covers = [f"mount -t tmpfs -o ro,size=0 tmpfs {shlex.quote(str(path))}" for path in self.hidden]
        script = " && ".join([*covers, 'exec "$@"'])
        return ["ip", "netns", "exec", self.name, "sh", "-c", script, "sh"] if self.name else []


@dataclass
class Hosts:
    """A bridge, which is this machine's own door to the network, and the name spaces that it joins."""

    bridge: str = field(default_factory=lambda: f"shb{os.getpid()}")
    number: int = field(default_factory=lambda: os.getpid() % 256)
    made: list[Host] = field(default_factory=list)

    @property
    def network(self) -> str:
        return NETWORK.format(self.number)

    @property
    def address(self) -> str:
        """This machine's."""
        return self._address(1)

    def _address(self, number: int) -> str:
        return str(ip_network(self.network)[number])

    def set_up(self) -> None:
        if os.geteuid() != 0:
            raise NoHosts("hosts of their own need root")
        if not shutil.which("ip"):
            raise NoHosts("hosts of their own need iproute2: `make database` installs it")
        ip("link", "add", self.bridge, "type", "bridge")
        ip("addr", "add", f"{self.address}/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        tried = f"{self.bridge}try"
        ip("netns", "add", tried)
        try:
            ip("netns", "exec", tried, "mount", "-t", "tmpfs", "tmpfs", "/mnt")
        finally:
            ip("netns", "del", tried)

    def host(self, hidden: Sequence[Path] = ()) -> Host:
        """Make another host."""
        number = FIRST + len(self.made)
        host = Host(self._address(number), f"{self.bridge}h{number}", tuple(hidden))
        ip("netns", "add", host.name)
        self.made.append(host)
        ip("link", "add", self._outer(host), "type", "veth", "peer", "name", "eth0", "netns", host.name)
        ip("link", "set", self._outer(host), "master", self.bridge, "up")
        ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            ip("-n", host.name, "link", "set", device, "up")
        return host

    def unplug(self, host: Host) -> None:
        """Take a host from the network, which nobody is told."""
        ip("link", "set", self._outer(host), "down")

    def _outer(self, host: Host) -> str:
        return f"shv{os.getpid() % 100_000}n{host.address.split('.')[-1]}"

    def stop(self) -> None:
        for host in self.made:
            with suppress(NoHosts):
                ip("netns", "del", host.name)
        with suppress(NoHosts):
            ip("link", "del", self.bridge)


@contextmanager
def hosts() -> Iterator[Hosts]:
    """Join hosts for a block. Raises NoHosts."""
    joined = Hosts()
    try:
        joined.set_up()
        yield joined
    finally:
        joined.stop()


def ip(*arguments: str) -> None:
    ended = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise NoHosts(f"this machine does not allow it: ip {' '.join(arguments)}: {ended.stderr.strip()}")
