"""What `sparkhouse doctor` looks at on the machine: files, loopback, user, unpacking, variables of other projects."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import shutil
import socket
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine.environment import has_account, umask, user_name
from cli.machine.limits import narrow
from cli.machine.temporary import NoTemporaryFolder, library_folder, scratch_folder, temporary_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.machine.home import Home

LEAST_FREE_GB = 2
LOOPBACK = "127.0.0.1"
LOCAL_DISK = "Point SPARKHOUSE_HOME at a folder on a local disk."
GROUP_WRITES = 0o020
PACKINGS = {"gz": "gzip", "bz2": "bz2", "xz": "lzma"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `remedy` says what to do where `ok` is false."""

    subject: str
    ok: bool
    found: str
    remedy: str = ""


def machine_findings(home: Home) -> Iterator[Finding]:
    """Look at all that the machine has to give; makes the state folder where it is missing."""
    yield variables(home.left_out)
    yield user()
    yield loopback()
    yield limits()
    yield from unpacking()
    yield from state_folder(home)


def variables(left_out: tuple[str, ...]) -> Finding:
    """The variables of other projects: none reaches Spark, dbt or MLflow."""
    found = (
        f"{', '.join(left_out)} set, with no effect here: unset what is not meant for others" if left_out else "clean"
    )
    return Finding("Environment", ok=True, found=f"{found}; time zone UTC")


def user() -> Finding:
    """The user's name and umask."""
    unknown = "" if has_account() else ", unknown to the system"
    return Finding("User", ok=True, found=f"{user_name()}{unknown}, umask {umask():04o}")


def limits() -> Finding:
    """Whether this process may have the files and the memory that Spark takes."""
    found = narrow()
    return Finding("Limits", ok=not found, found="; ".join(found) or "wide enough", remedy="Call `ulimit` first.")


def loopback() -> Finding:
    """Whether two processes of this machine can talk: a host name that does not resolve is no obstacle."""
    name = socket.gethostname()
    try:
        with socket.create_server((LOOPBACK, 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
            pass
    except OSError as error:
        remedy = f"Bring the loopback interface up: Spark and Python talk over {LOOPBACK}."
        return Finding("Loopback", ok=False, found=f"{LOOPBACK}: {error}", remedy=remedy)
    try:
        return Finding("Loopback", ok=True, found=f"{LOOPBACK}; the host name {name} is {socket.gethostbyname(name)}")
    except OSError:
        return Finding(
            "Loopback", ok=True, found=f"{LOOPBACK}; the host name {name} does not resolve, which is no matter"
        )


def unpacking() -> Iterator[Finding]:
    """Whether this Python unpacks what logs are packed in: some are built without."""
    return (_unpacks(ending, module) for ending, module in PACKINGS.items())


def _unpacks(ending: str, module: str) -> Finding:
    remedy = "Use a Python that has it: `make PYTHON=/path/to/python3 setup`."
    try:
        packer = import_module(module)
        ok = packer.decompress(packer.compress(b"{}\n")) == b"{}\n"
    except ImportError as error:
        return Finding(f"Unpacks .{ending}", ok=False, found=str(error), remedy=remedy)
    return Finding(f"Unpacks .{ending}", ok, "yes" if ok else "gives other bytes than were packed", remedy)


def state_folder(home: Home) -> Iterator[Finding]:
    """Whether files can be written, linked and locked in the state folder, and where temporary ones go."""
    writable = "Set SPARKHOUSE_HOME to a folder that you can write to."
    try:
        home.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.path, prefix=".doctor-") as scratch:
            yield Finding("State folder", ok=True, found=str(home.path))
            yield _try("Links", _link, Path(scratch))
            yield _try("Locks", _lock, Path(scratch))
    except OSError as error:
        yield Finding("State folder", ok=False, found=f"{home.path}: {error.strerror}", remedy=writable)
    yield _disk(home.path)
    yield _temporary(home.path)
    yield from _other_owners(home)


def _try(subject: str, attempt: Callable[[Path], None], folder: Path) -> Finding:
    try:
        attempt(folder)
    except OSError as error:
        return Finding(subject, ok=False, found=f"not in this folder: {error.strerror}", remedy=LOCAL_DISK)
    return Finding(subject, ok=True, found="work")


def _link(folder: Path) -> None:
    target = folder / "target"
    target.write_text("x")
    (folder / "hard").hardlink_to(target)
    (folder / "soft").symlink_to(target)


def _lock(folder: Path) -> None:
    with (folder / "lock").open("a") as first, (folder / "lock").open("a") as second:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with suppress(BlockingIOError):
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raise OSError(errno.ENOLCK, "a lock keeps nobody out")


def _disk(path: Path) -> Finding:
    existing = next(each for each in (path, *path.parents) if each.exists())
    free = shutil.disk_usage(existing).free / 1e9
    return Finding("Free disk", free > LEAST_FREE_GB, f"{free:.0f} GB", "Free some disk: a full log needs about 20 GB.")


def _temporary(path: Path) -> Finding:
    with suppress(OSError):
        (path / "tmp").mkdir(exist_ok=True)
    folders = list(temporary_folders(path))
    try:
        scratch = scratch_folder(folders)
        libraries = library_folder([scratch, *folders])
    except NoTemporaryFolder as error:
        return Finding("Temporary files", ok=False, found=str(error), remedy="Set TMPDIR, to a folder of a local disk.")
    return Finding("Temporary files", ok=True, found=", ".join(dict.fromkeys(map(str, (scratch, libraries)))))


def _other_owners(home: Home) -> Iterator[Finding]:
    """Files of another user in the state folder that this one can do nothing with."""
    closed = next((path for path in _folders(home) if not os.access(path, os.W_OK)), None)
    if closed:
        remedy = f"Let {_owner(closed)} run `chmod -R g+w {home.path}` and work with umask 002, or use your own folder."
        yield Finding("Shared folder", ok=False, found=f"{closed} belongs to {_owner(closed)}", remedy=remedy)


def _folders(home: Home) -> Iterator[Path]:
    """The folders of the state in which every writer makes files."""
    yield from (path for path in (home.path,) if path.is_dir())
    for pattern in ("runs", "landing", "warehouse/*", "warehouse/*/*", "warehouse/*/*/metadata"):
        yield from (path for path in home.path.glob(pattern) if path.is_dir())


def _owner(path: Path) -> str:
    number = path.stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
