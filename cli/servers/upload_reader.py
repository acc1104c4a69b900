"""Uploaded logs, each read by a process of its own: one at a time, within a time, and nothing kept."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import orjson

from models_ml.serving.uploads.reading import ReadUpload, Refused, UnreadableUpload

if TYPE_CHECKING:
    from pathlib import Path

    from models_ml.serving.uploads.reading import SaveTo

MOST_SECONDS = 60


@dataclass(frozen=True)
class UploadReader:
    """A `ReadLog`: what is uploaded stands in a folder below `parent` until it is read, and never after."""

    parent: Path
    most_seconds: float = MOST_SECONDS
    _busy: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, save_to: SaveTo, as_of: str | None, wanted: tuple[str, ...]) -> ReadUpload:
        """Return what an upload says. Raises UnreadableUpload."""
        if not self._busy.acquire(blocking=False):
            raise UnreadableUpload(
                HTTPStatus.SERVICE_UNAVAILABLE, "Another upload is being read: try again in a minute."
            )
        try:
            self.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(prefix="upload-", dir=self.parent) as folder:
                return self._read(folder, save_to, as_of, wanted)
        finally:
            self._busy.release()

    def _read(self, folder: str, save_to: SaveTo, as_of: str | None, wanted: tuple[str, ...]) -> ReadUpload:
        from pathlib import Path

        upload = Path(folder) / "upload"
        save_to(upload)
        outcome = orjson.loads(self._worked([str(upload), as_of or "", *wanted]))
        if "message" in outcome:
            raise UnreadableUpload(HTTPStatus(outcome["status"]), outcome["message"])
        reasons = tuple(
            Refused(each["reason"], each["count"], tuple(each["first_lines"])) for each in outcome["reasons"]
        )
        left_out = tuple((name, what) for name, what in outcome["left_out"])
        return ReadUpload(**outcome | {"reasons": reasons, "left_out": left_out})

    def _worked(self, arguments: list[str]) -> bytes:
        """What the worker printed. Raises UnreadableUpload where it takes too long or is ended by the system."""
        # Whatever this process imports from, so does the worker.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "cli.servers.upload_worker", *arguments]
        try:
            done = subprocess.run(  # noqa: S603 - our own module, and no argument of the request but a date
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.most_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UnreadableUpload(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The log could not be read in {self.most_seconds:.0f} seconds: ingest it with `sparkhouse ingest`, "
                "or send a part of it.",
            ) from None
        if done.returncode < 0:
            raise UnreadableUpload(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "The log took more memory than there is: ingest it with `sparkhouse ingest`, or send a part of it.",
            )
        if done.returncode > 0:
            raise RuntimeError(f"the reader of uploads ended with {done.returncode}")
        return done.stdout
