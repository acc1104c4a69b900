"""An event as the public logs have it."""

from __future__ import annotations

from typing import Any

PLAIN: dict[str, Any] = {
    "ts": 1541106106796,
    "userId": "8",
    "sessionId": 139,
    "page": "NextSong",
    "auth": "Logged In",
    "method": "PUT",
    "status": 200,
    "level": "free",
    "itemInSession": 1,
    "location": "Phoenix-Mesa-Scottsdale, AZ",
    "userAgent": '"Mozilla/5.0"',
    "lastName": "Freeman",
    "firstName": "Colin",
    "registration": 1540344794796,
    "gender": "F",
    "artist": "Des'ree",
    "song": "You Gotta Be",
    "length": 246.30812,
}
