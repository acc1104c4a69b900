"""Great Expectations, from code: a context for one call, one checkpoint over all suites, one build of the site."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import great_expectations as gx
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.core.freshness_diagnostics import (
    CheckpointFreshnessDiagnostics,
    ValidationDefinitionFreshnessDiagnostics,
)
from great_expectations.core.result_format import ResultFormat
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)

from expectations.engine import data_docs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.datasource.fluent import SparkDatasource

    from expectations.report import RuleResult
    from expectations.suite import Suite


class TableValidation(gx.ValidationDefinition):
    """A validation definition with rows of its own: a checkpoint hands the same batch parameters to all of them."""

    _rows: Any = PrivateAttr()

    def run(self, **arguments: Any) -> ExpectationSuiteValidationResult:  # noqa: ANN401
        return super().run(**{**arguments, "batch_parameters": {"dataframe": self._rows}})

    def is_fresh(self) -> ValidationDefinitionFreshnessDiagnostics:
        """It is: it was made for this run, and no store holds another. To compare all rules takes seconds."""
        return ValidationDefinitionFreshnessDiagnostics(errors=[])


class Gate(gx.Checkpoint):
    """The checkpoint of one run, made for it."""

    def is_fresh(self) -> CheckpointFreshnessDiagnostics:
        return CheckpointFreshnessDiagnostics(errors=[])


def run(
    suites: Sequence[Suite],
    docs_dir: Path,
    run_id: str,
    *,
    judge: Callable[[Suite, ExpectationSuiteValidationResult], list[RuleResult]],
    accepted: Sequence[str],
) -> list[RuleResult]:
    """Validate the suites in one checkpoint run, let `judge` say what each outcome means, build the site once."""
    if not suites:
        return []
    context = _context(docs_dir, accepted)
    _forget(context, run_id)
    # A suite reads its table in one job: to cache the rows first would cost more than it saves.
    source = context.data_sources.add_spark("session", persist=False)
    checkpoint = Gate(
        name="gate",
        validation_definitions=[_validation(source, suite) for suite in suites],
        result_format=ResultFormat.BASIC,
    )
    outcome = checkpoint.run(run_id=RunIdentifier(run_id, datetime.now(timezone.utc)))
    results = []
    for suite, (key, of_suite) in zip(suites, outcome.run_results.items(), strict=True):
        judged = judge(suite, of_suite)
        for found, result in zip(of_suite.results, judged, strict=True):
            # For the page: what was found of single rows, and what people have accepted.
            found.meta["result"] = asdict(result)
        context.validation_results_store.set(key, of_suite)
        results += judged
    _build(context, docs_dir, list(outcome.run_results))
    return results


def show_accepted(docs_dir: Path, run_id: str, rules: Collection[str], said: str, accepted: Sequence[str]) -> None:
    """Let the pages of a run say that the findings of some rules were accepted, if they are those at hand."""
    context = _context(docs_dir, accepted)
    store: Any = context.validation_results_store
    keys = [key for key in store.list_keys() if key.run_id.run_name == run_id]
    if not keys:
        return
    for key in keys:
        outcome = store.get(key)
        for found in outcome.results:
            if found.meta["result"]["rule"] in rules and not found.success:
                found.meta["result"]["accepted"] = said
        store.set(key, outcome)
    _build(context, docs_dir, keys)


def _build(context: EphemeralDataContext, docs_dir: Path, keys: Sequence[Any]) -> None:
    context.build_data_docs(site_names=[data_docs.SITE], resource_identifiers=list(keys))
    # Fonts and pictures of its own templates, which our pages do not show.
    rmtree(docs_dir / "static", ignore_errors=True)


def _validation(source: SparkDatasource, suite: Suite) -> TableValidation:
    batch = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe(suite.table)
    rules = gx.ExpectationSuite(suite.name, expectations=list(suite.expectations))
    validation = TableValidation(name=suite.name, data=batch, suite=rules)
    validation._rows = suite.rows  # noqa: SLF001 - of the class above
    return validation


def _forget(context: EphemeralDataContext, run_id: str) -> None:
    """The site shows one run; the history of all runs is in the results table."""
    store: Any = context.validation_results_store
    for key in [key for key in store.list_keys() if key.run_id.run_name != run_id]:
        store.remove_key(key)


def _context(docs_dir: Path, accepted: Sequence[str]) -> EphemeralDataContext:
    """Return a context of code alone, but for results: the site shows what all calls of a run left there."""
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    config.stores["validation_results_store"]["store_backend"] = {
        "class_name": "TupleFilesystemStoreBackend",
        "base_directory": str(docs_dir / "results"),
    }
    config.data_docs_sites = {data_docs.SITE: data_docs.site(docs_dir, accepted)}
    return gx.get_context(mode="ephemeral", project_config=config)
