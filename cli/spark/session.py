"""The one SparkSession of a process, with the settings of `profiles/profiles.yml`.

dbt-spark (`method: session`) calls `getOrCreate()` for each statement, so it works on the session made here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import Environment

from cli.machine.cluster import SESSION, TARGET
from cli.machine.home import PROFILES, Home
from cli.spark.cluster import cluster_settings, share_checkpoints, ship_code, show_password
from cli.spark.executors import Teller, require_cluster, require_master, watch_executors
from cli.spark.jvm import launch, machine_settings, newest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from py4j.java_gateway import JavaGateway, JavaObject  # type: ignore[import-untyped]
    from pyspark.sql import SparkSession


def _env_var(name: str, default: str | None = None) -> str:
    """dbt's `env_var`, for the one file that dbt and this module both read."""
    value = os.environ.get(name, default)
    if value is None:
        raise KeyError(f"profiles.yml needs the environment variable {name}")
    return value


def spark_settings() -> dict[str, str]:
    """Return the Spark settings of the profile's target, rendered as dbt renders them."""
    outputs: dict[str, Any] = yaml.safe_load((PROFILES / "profiles.yml").read_text())["sparkhouse"]["outputs"]
    output = outputs[os.environ.get(TARGET) or SESSION]
    template = Environment(autoescape=False).from_string  # noqa: S701 - the output is Spark settings, not HTML
    return {
        name: template(str(value)).render(env_var=_env_var) for name, value in output["server_side_parameters"].items()
    }


def server_settings() -> dict[str, str]:
    """Return what `sparkhouse sql-server` sets beside those."""
    settings: dict[str, str] = yaml.safe_load((PROFILES / "sql_server.yml").read_text())
    return settings


def start_spark(
    log_bytes: int = 0,
    more_settings: Mapping[str, str] = {},
    extensions: Callable[[JavaGateway], JavaObject] | None = None,
) -> SparkSession:
    """Start Spark, or return the session that runs; `Home.from_environment()` has to come first.

    `extensions` makes the function of Java by which Spark's SessionExtensions are set up. Raises SparkDidNotStart,
    ClusterUnreachable, NoTemporaryFolder, or an OSError where the state folder cannot be made.
    """
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

    from cli.spark.quick_context import QuickContext

    settings = {**spark_settings(), **more_settings}
    if not newest():
        home = Home.of_process()
        cluster = home.cluster
        settings |= cluster_settings(cluster, settings, log_bytes) if cluster else {}
        settings |= machine_settings(home, settings, log_bytes)
        shares = home.executors
        if shares:
            require_cluster(shares, settings["spark.driver.bindAddress"])
        gateway = launch(settings, cluster.conf if cluster else None)
        if cluster:
            show_password(gateway, cluster.database)
        context = QuickContext(conf=SparkConf().setAll(list(settings.items())), gateway=gateway)
        if shares:
            require_master(context, shares)
            watch_executors(context, Teller(context, shares))
            share_checkpoints(context, shares)
            ship_code(context)
        if extensions:
            gateway.jvm.org.apache.spark.sql.SparkSession.builder().withExtensions(extensions(gateway)).getOrCreate()
    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
