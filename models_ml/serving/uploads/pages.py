"""The pages of the log, as the macros page_measures, recency_pages and known_pages list them; a test compares them."""

from __future__ import annotations

MEASURES = {
    "NextSong": "song_count",
    "Thumbs Up": "thumbs_up_count",
    "Thumbs Down": "thumbs_down_count",
    "Roll Advert": "advert_count",
    "Add to Playlist": "playlist_add_count",
    "Add Friend": "friend_add_count",
    "Home": "home_count",
    "Settings": "settings_count",
    "Save Settings": "settings_save_count",
    "Downgrade": "downgrade_page_count",
    "Submit Downgrade": "downgrade_count",
    "Upgrade": "upgrade_page_count",
    "Submit Upgrade": "upgrade_count",
    "Help": "help_count",
    "About": "about_count",
    "Error": "error_count",
    "Logout": "logout_count",
}
RECENCY = {
    "NextSong": "song",
    "Roll Advert": "advert",
    "Thumbs Up": "thumbs_up",
    "Thumbs Down": "thumbs_down",
    "Downgrade": "downgrade_page",
    "Error": "error",
    "Submit Upgrade": "upgrade",
    "Submit Downgrade": "downgrade",
}
CANCELLED = "Cancellation Confirmation"
CANCEL_FLOW = frozenset({"Cancel", CANCELLED})
KNOWN_PAGES = frozenset({*MEASURES, *CANCEL_FLOW, "Login", "Register", "Submit Registration"})
# What a page leads to: the row that submits a change still shows the level that it leaves.
LEVELS_AFTER = {"Submit Upgrade": "paid", "Submit Downgrade": "free"}
