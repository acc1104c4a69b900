"""Great Expectations, from code: a context for one call, one checkpoint over all suites, one build of the site."""

from __future__ import annotations

from datetime import datetime, timezone
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import great_expectations as gx
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.core.result_format import ResultFormat
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier

from expectations.engine import data_docs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.datasource.fluent import SparkDatasource

    from expectations.suite import Suite


class TableValidation(gx.ValidationDefinition):
    """A validation definition with rows of its own: a checkpoint hands the same batch parameters to all of them."""

    _rows: Any = PrivateAttr()

    def run(self, **arguments: Any) -> ExpectationSuiteValidationResult:  # noqa: ANN401
        return super().run(**{**arguments, "batch_parameters": {"dataframe": self._rows}})


def run(suites: Sequence[Suite], docs_dir: Path, run_id: str) -> list[ExpectationSuiteValidationResult]:
    """Validate the suites in one checkpoint run, build the site once, return a result per suite, in order."""
    context = _context(docs_dir)
    _forget(context, run_id, [suite.name for suite in suites])
    # A suite reads its table in one job: to cache the rows first would cost more than it saves.
    source = context.data_sources.add_spark("session", persist=False)
    checkpoint = gx.Checkpoint(
        name="gate",
        validation_definitions=[_validation(context, source, suite) for suite in suites],
        result_format=ResultFormat.BASIC,
    )
    # What the context hands back is rebuilt from its store, and has no rows: run the one at hand.
    context.checkpoints.add(checkpoint)
    outcome = checkpoint.run(run_id=RunIdentifier(run_id, datetime.now(timezone.utc)))
    pages: list[Any] = [*outcome.run_results, *(ExpectationSuiteIdentifier(suite.name) for suite in suites)]
    context.build_data_docs(site_names=[data_docs.SITE], resource_identifiers=pages)
    # Fonts and pictures of its own templates, which our pages do not show.
    rmtree(docs_dir / "static")
    return list(outcome.run_results.values())


def _validation(context: EphemeralDataContext, source: SparkDatasource, suite: Suite) -> TableValidation:
    batch = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe(suite.table)
    rules = context.suites.add(gx.ExpectationSuite(suite.name, expectations=list(suite.expectations)))
    validation = TableValidation(name=suite.name, data=batch, suite=rules)
    validation._rows = suite.rows  # noqa: SLF001 - of the class above
    context.validation_definitions.add(validation)
    return validation


def _forget(context: EphemeralDataContext, run_id: str, suites: Sequence[str]) -> None:
    """The site shows one run, and its suites as they are now; the history of all runs is in the results table."""
    # To update a suite, Great Expectations compares its rules pair by pair: adding it anew is much faster.
    _remove(context.expectations_store, lambda key: key.name in suites)
    _remove(context.validation_results_store, lambda key: key.run_id.run_name != run_id)


def _remove(store: Any, is_outdated: Callable[[Any], bool]) -> None:  # noqa: ANN401
    for key in filter(is_outdated, store.list_keys()):
        store.remove_key(key)


def _context(docs_dir: Path) -> EphemeralDataContext:
    """Return a context of code alone, but for results and suites: the site shows what all calls of a run left there."""
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    for store, folder in (("expectations_store", "suites"), ("validation_results_store", "results")):
        config.stores[store]["store_backend"] = {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(docs_dir / folder),
        }
    config.data_docs_sites = {data_docs.SITE: data_docs.site(docs_dir)}
    return gx.get_context(mode="ephemeral", project_config=config)
