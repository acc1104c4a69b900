"""What to do where a page has nothing to show."""

from __future__ import annotations

INGEST = "There are no events yet: `sparkhouse run --events YOUR_LOG`, or `sparkhouse run` for a simulated log."
BUILD = "This table was not built yet: `sparkhouse build`."
AUDIT = "No audit is on record yet: `sparkhouse build` makes one, `sparkhouse validate` another."
SNAPSHOT = "There is no snapshot yet: the log has to reach a Monday, then `sparkhouse build` makes the first."
TRAIN = "There is no model yet: `sparkhouse train`, once the outcomes of some snapshots are known."
PREDICT = "There are no predictions yet: `sparkhouse predict`, once there is a champion."
OUTCOME = "No outcome of a prediction is known yet: the horizon has to pass, and its log to come in."
