"""What a reader of uploaded logs says, without a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models_ml.serving.uploads.reading import ReadUpload, Refused

if TYPE_CHECKING:
    from models_ml.serving.uploads.reading import SaveTo

HOSTILE = '=cmd|" /C calc"!A0</script><script>alert(1)</script>'
READ = ReadUpload(
    lines=5,
    accepted=3,
    refused=1,
    blank=1,
    of_users=3,
    repeated=1,
    reasons=(Refused(f"an event below the key {HOSTILE}", 1, (2,)),),
    left_out=((HOSTILE, "text that is no log"),),
    as_of_date="2018-10-02",
    observed_from="2018-10-01",
    gone=1,
    users={
        "7": {"days_since_last_event": 1.0, "advert_count_7d": 2},
        HOSTILE: {"days_since_last_event": 9.0, "advert_count_7d": 40},
    },
)


def reads(save_to: SaveTo, as_of: str | None, wanted: tuple[str, ...]) -> ReadUpload:  # noqa: ARG001 - a ReadLog
    return READ
