"""The page of the service."""

from __future__ import annotations

from models_ml.reports.charts import service
from models_ml.reports.panels import Page, Panel
from models_ml.reports.remedies import BUILD, INGEST

PAGE = Page(
    "service",
    "Service",
    "Who uses the service, when, where, and for what.",
    (
        Panel("Active users", "service/service_days", service.active_users, INGEST, is_wide=True),
        Panel("Plays", "service/service_days", service.plays, INGEST),
        Panel("Sessions", "service/service_days", service.sessions, INGEST),
        Panel("Upgrades, downgrades, cancellations", "service/service_days", service.changes, INGEST),
        Panel("New users", "service/service_days", service.new_users, INGEST),
        Panel("Hours of the week", "service/hours_of_the_week", service.hours_of_the_week, INGEST),
        Panel("Free and paid", "service/levels", service.levels, INGEST),
        Panel("States and metros", "service/places", service.states, INGEST, is_wide=True),
        Panel("Devices and browsers", "service/devices", service.devices, INGEST),
        Panel("Session lengths", "service/session_lengths", service.session_lengths, INGEST),
        Panel("Top artists", "service/artists", service.artists, BUILD),
        Panel("Top songs", "service/songs", service.songs, BUILD),
        Panel("From Home to an upgrade", "service/page_flow", service.funnel, BUILD),
        Panel("Flow of pages", "service/page_flow", service.flow, BUILD, is_wide=True, looks_back=True),
    ),
)
