"""The site of results: Great Expectations' pages on templates that need no network and no script.

Its own templates load style sheets and scripts from six hosts, and without them the index is an empty table.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING

from great_expectations.render.view import DefaultJinjaIndexPageView, DefaultJinjaPageView
from jinja2 import ChoiceLoader, FileSystemLoader, pass_context

from warehouse.contract.cells import visible

if TYPE_CHECKING:
    from typing import Any

SITE = "local_site"
TEMPLATES = Path(__file__).parent / "templates"


class OfflinePageView(DefaultJinjaPageView):
    def __init__(self, **directories: Any) -> None:  # noqa: ANN401
        super().__init__(**directories)
        own = FileSystemLoader(TEMPLATES)
        self.env.loader = ChoiceLoader([own, self.env.loader] if self.env.loader else [own])

    @pass_context
    def render_content_block(self, jinja_context: Any, content_block: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        """Great Expectations writes a value that breaks a rule into the page as it is: here, markup in it is shown."""
        return super().render_content_block(jinja_context, _shown(content_block), *rest, **named)


def _shown(content: Any) -> Any:  # noqa: ANN401 - what a page is made of
    if isinstance(content, list):
        return [_shown(each) for each in content]
    return html.escape(visible(content)) if isinstance(content, str) else content


class OfflineIndexPageView(OfflinePageView, DefaultJinjaIndexPageView):
    pass


def site(docs_dir: Path) -> dict[str, Any]:
    """Return the configuration of a site in a folder, index.html at its top."""
    page = {"view": {"module_name": __name__, "class_name": OfflinePageView.__name__}}
    index = {"view": {"module_name": __name__, "class_name": OfflineIndexPageView.__name__}}
    return {
        "class_name": "SiteBuilder",
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs_dir)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", **index},
        "site_section_builders": {"expectations": page, "validations": page, "profiling": "none"},
        "show_how_to_buttons": False,
    }
