"""The site of results: Great Expectations' Data Docs by renderers and templates of our own, without network or script.

Its own templates load style sheets and scripts from six hosts. Ours show the state first, then what broke, each rule
with what was expected and observed, keys of rows that break it, and who accepted it why.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)
from great_expectations.render.renderer.renderer import Renderer
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, FileSystemLoader
from markupsafe import Markup

from warehouse.contract.cells import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.data_context import AbstractDataContext

SITE = "local_site"
TEMPLATES = Path(__file__).parent / "templates"
STOPPED, WARNED, ACCEPTED, KEPT = "stopped", "warned", "accepted", "kept"
# What has to be looked at first.
ORDER = (STOPPED, WARNED, ACCEPTED, KEPT)


class _Page(DefaultJinjaPageView):
    """A page by a template of ours, in which markup is never taken for such."""

    def __init__(self, **directories: Any) -> None:  # noqa: ANN401
        super().__init__(**directories)
        self.env.loader = ChoiceLoader([FileSystemLoader(TEMPLATES)])
        self.env.finalize = _shown

    def _validate_document(self, document: Any) -> None:  # noqa: ANN401 - what a renderer of ours made
        """Ours are no documents of content blocks: templates arrange them."""


class ResultsPage(_Page):
    """The page of a suite in a run."""

    _template = "results.html"


class IndexPage(_Page):
    """The page of a run."""

    _template = "index.html"


class ResultsRenderer(Renderer):
    """What the page of a suite shows: its findings, the gravest first."""

    def __init__(self, data_context: AbstractDataContext | None = None) -> None:
        super().__init__()
        del data_context

    def render(self, validation_results: ExpectationSuiteValidationResult) -> dict[str, Any]:
        return _suite(validation_results)


class IndexRenderer(Renderer):
    """What the page of a run shows: its state, all that broke, and its suites."""

    def __init__(self, data_context: AbstractDataContext, accepted: Sequence[str]) -> None:
        super().__init__()
        self._store = data_context.validation_results_store
        self._accepted = accepted

    def render(self, index_links_dict: dict[str, Any]) -> dict[str, Any]:
        # A suite that a run asked for twice counts as it was last.
        links = sorted(index_links_dict["validations_links"], key=lambda link: link["run_id"].run_time)
        newest = {link["expectation_suite_name"]: link for link in links}
        suites = [_suite(self._found(link)) | {"link": link["filepath"]} for link in newest.values()]
        suites = sorted(suites, key=lambda suite: (ORDER.index(suite["state"]), suite["name"]))
        broken = [finding | {"link": suite["link"]} for suite in suites for finding in suite["findings"]]
        broken = sorted((each for each in broken if each["state"] != KEPT), key=lambda each: ORDER.index(each["state"]))
        return {
            "state": _worst([suite["state"] for suite in suites]),
            "run": max((suite["run"] for suite in suites), default=""),
            "at": max((suite["at"] for suite in suites), default=""),
            "counts": {state: sum(suite["counts"][state] for suite in suites) for state in ORDER},
            "broken": broken,
            "suites": suites,
            "accepted": list(self._accepted)[::-1],
        }

    def _found(self, link: dict[str, Any]) -> Any:  # noqa: ANN401 - an ExpectationSuiteValidationResult
        suite = ExpectationSuiteIdentifier(link["expectation_suite_name"])
        return self._store.get(ValidationResultIdentifier(suite, link["run_id"], link["batch_identifier"]))


def site(docs_dir: Path, accepted: Sequence[str]) -> dict[str, Any]:
    """Return the configuration of a site in a folder, index.html at its top."""
    index = _made_by(IndexRenderer, IndexPage, accepted=list(accepted))
    return {
        "class_name": "SiteBuilder",
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs_dir)},
        "site_index_builder": {
            "class_name": "DefaultSiteIndexBuilder",
            **index,
        },
        "site_section_builders": {
            "expectations": "none",
            "validations": _made_by(ResultsRenderer, ResultsPage),
            "profiling": "none",
        },
        "show_how_to_buttons": False,
    }


def _made_by(renderer: type[Renderer], view: type[_Page], **arguments: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    return {
        "renderer": {"module_name": __name__, "class_name": renderer.__name__, **arguments},
        "view": {"module_name": __name__, "class_name": view.__name__},
    }


def _shown(value: object) -> object:
    """What stands on a page, but for its own markup: nothing that a reader could not see."""
    return value if isinstance(value, Markup) else visible(str(value))


def _suite(outcome: ExpectationSuiteValidationResult) -> dict[str, Any]:
    findings = sorted((_finding(found) for found in outcome.results), key=lambda each: ORDER.index(each["state"]))
    run_id = outcome.meta["run_id"]
    run_name, run_time = (
        (run_id["run_name"], run_id["run_time"]) if isinstance(run_id, dict) else (run_id.run_name, run_id.run_time)
    )
    return {
        "name": outcome.suite_name,
        "table": findings[0]["table_name"] if findings else "",
        "run": run_name,
        "at": f"{run_time:%Y-%m-%d %H:%M} UTC" if hasattr(run_time, "strftime") else str(run_time)[:16],
        "state": _worst([finding["state"] for finding in findings]),
        "counts": {state: sum(finding["state"] == state for finding in findings) for state in ORDER},
        "findings": findings,
    }


def _finding(found: Any) -> dict[str, Any]:  # noqa: ANN401 - an ExpectationValidationResult
    result: dict[str, Any] = found.meta["result"]
    config = found.expectation_config
    return result | {
        "state": _state(result),
        "kind": config.meta["kind"].replace("_", " "),
        "source": config.meta["source"],
        "reason": config.notes,
    }


def _state(result: dict[str, Any]) -> str:
    if result["success"]:
        return KEPT
    if result["accepted"] and not result["is_error"]:
        return ACCEPTED
    return STOPPED if result["is_error"] or result["severity"] == "stop" else WARNED


def _worst(states: list[str]) -> str:
    return min(states, key=ORDER.index, default=KEPT)
