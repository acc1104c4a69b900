"""The files in a tar or zip archive."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from warehouse.contract.errors import SparkhouseError
from warehouse.landing.archives import BROKEN_OFF, DAMAGED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from warehouse.landing.archives import Target

_PIECE = 1 << 20
_IS_ENCRYPTED = 1
_WHAT_OF_ZIP = {
    "xl/workbook.xml": "an Excel workbook: save it as CSV",
    "word/document.xml": "a Word document",
    "META-INF/MANIFEST.MF": "a Java archive",
    "content.xml": "an OpenDocument file: save it as CSV",
}


class BrokenContainer(SparkhouseError, ValueError):
    """An archive of files that cannot be opened; the message says what it is."""


class Member(NamedTuple):
    """A file in an archive: its name there, and what writes its bytes to a file and returns a fault, if it has any."""

    name: str
    write_to: Callable[[Target], str | None]


class End(NamedTuple):
    """What comes behind the last file of an archive that cannot be read to its end."""

    fault: str


def is_shown(name: str) -> bool:
    """Whether a path is a file of its own right, and no book-keeping such as `_SUCCESS`, `.crc` or `__MACOSX`."""
    return not any(part.startswith((".", "_")) and part not in {".", ".."} for part in name.split("/"))


def tar_members(path: Path) -> Iterator[Member | End]:
    """Yield the files of a tar archive, in its order. Raises BrokenContainer before the first."""
    with path.open("rb") as file, _opened_tar(file) as tar:
        while (info := _next_of(tar)) is not None:
            if info.isfile() and is_shown(info.name):
                yield Member(info.name, partial(_copy_from_tar, file, info))
        if fault := _fault_behind(file, tar):
            yield End(fault)


def _opened_tar(file: BinaryIO) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=file, mode="r:")
    except tarfile.TarError:
        raise BrokenContainer("a tar archive that breaks off, or is damaged") from None


def _next_of(tar: tarfile.TarFile) -> tarfile.TarInfo | None:
    try:
        return tar.next()
    except tarfile.TarError:
        return None


def _fault_behind(file: BinaryIO, tar: tarfile.TarFile) -> str | None:
    """A tar archive ends with blocks of zeros: one that does not has lost its end, or a header is wrong."""
    file.seek(tar.offset)
    block = file.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        return BROKEN_OFF
    return DAMAGED if block.strip(b"\0") else None


def zip_members(path: Path) -> Iterator[Member]:
    """Yield the files of a zip archive, in its order. Raises BrokenContainer before the first."""
    with _opened_zip(path) as archive:
        for info in archive.infolist():
            if not info.is_dir() and is_shown(info.filename):
                yield Member(info.filename, partial(_copy_from_zip, archive, info))


@contextmanager
def _opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise BrokenContainer("a zip archive that breaks off, or is damaged") from None
    with archive:
        names = set(archive.namelist())
        if what := next((what for name, what in _WHAT_OF_ZIP.items() if name in names), None):
            raise BrokenContainer(what)
        if any(info.flag_bits & _IS_ENCRYPTED for info in archive.infolist()):
            raise BrokenContainer("a zip archive with a password: unpack it first")
        yield archive


def _copy_from_tar(file: BinaryIO, info: tarfile.TarInfo, target: Target) -> str | None:
    """Write the bytes of a member as far as they are there: tarfile gives none of a read that comes to the end."""
    if info.issparse():
        raise BrokenContainer("a tar archive with sparse files: unpack it first")
    file.seek(info.offset_data)
    left = info.size
    while left and (piece := file.read(min(_PIECE, left))):
        target.write(piece)
        left -= len(piece)
    return BROKEN_OFF if left else None


def _copy_from_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Target) -> str | None:
    """Write the bytes of a member, or, if it is damaged, none."""
    try:
        with archive.open(info) as file:
            while piece := file.read(_PIECE):
                target.write(piece)
    except NotImplementedError:
        raise BrokenContainer("a zip archive packed in a rare way: unpack it first") from None
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError):
        target.truncate(0)
        target.seek(0)
        return DAMAGED
    return None
