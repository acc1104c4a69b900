"""What the environment names of a cluster: all of it, or a message that names the variable and what it can be."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from cli.machine.cluster import ClusterNotNamed, cluster_of, settings_in
from cli.machine.environment import Machine, made
from cli.machine.home import Home, InvalidSetting
from cli.spark.cluster import OPTIONS as EXECUTOR_OPTIONS
from cli.spark.cluster import cluster_settings, show_password
from cli.spark.session import spark_settings
from warehouse.publishing.database import Database

SECRET = "se/cret@:%"  # noqa: S105 - of nobody
NAMED = {
    "SPARKHOUSE_TARGET": "cluster",
    "SPARKHOUSE_MASTER": "spark://127.0.0.1:7077",
    "SPARKHOUSE_DATABASE": "postgresql://db.example:5432/house?sslmode=verify-full",
    "SPARKHOUSE_DATABASE_USER": "some one",
    "SPARKHOUSE_DATABASE_PASSWORD": SECRET,
    "SPARKHOUSE_WAREHOUSE": "/mnt/shared/house/",
}


def test_without_a_target_all_is_on_this_machine() -> None:
    assert cluster_of({}) is None
    assert cluster_of({"SPARKHOUSE_TARGET": "session", "SPARKHOUSE_MASTER": "local[2]"}) is None


def test_all_of_it_is_named() -> None:
    cluster = cluster_of(NAMED)
    assert cluster
    assert cluster.has_executors
    assert cluster.warehouse == "/mnt/shared/house"
    assert str(cluster.shared) == "/mnt/shared/house"
    assert cluster.driver_host == "127.0.0.1"
    assert cluster.database.address == "postgresql://db.example:5432/house?sslmode=verify-full"
    assert cluster.database.sqlalchemy_address == (
        "postgresql+psycopg://some%20one:se%2Fcret%40%3A%25@db.example:5432/house?sslmode=verify-full"
    )
    assert SECRET not in repr(cluster)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"SPARKHOUSE_TARGET": "clutser"}, "SPARKHOUSE_TARGET is 'clutser': set it to session or cluster"),
        ({"SPARKHOUSE_TARGET": ""}, "SPARKHOUSE_MASTER is .* a cluster's: set SPARKHOUSE_TARGET=cluster"),
        ({"SPARKHOUSE_MASTER": ""}, r"SPARKHOUSE_MASTER is not set: .* local\[\*\]"),
        ({"SPARKHOUSE_MASTER": "spark://head:7077"}, "SPARKHOUSE_DRIVER_HOST is not set"),
        ({"SPARKHOUSE_MASTER": "yarn", "SPARKHOUSE_DRIVER_HOST": "localhost"}, "SPARKHOUSE_DRIVER_HOST is localhost"),
        ({"SPARKHOUSE_DATABASE": ""}, "SPARKHOUSE_DATABASE is not set"),
        ({"SPARKHOUSE_DATABASE": "mysql://h/d"}, "postgresql://host:5432/sparkhouse$"),
        ({"SPARKHOUSE_DATABASE": "postgresql://me:word@h/d"}, "without a user or a password"),
        ({"SPARKHOUSE_DATABASE_USER": ""}, "SPARKHOUSE_DATABASE_USER is not set"),
        ({"SPARKHOUSE_DATABASE_PASSWORD_FILE": "/nowhere/word"}, "/nowhere/word, which cannot be read"),
        ({"SPARKHOUSE_WAREHOUSE": ""}, "SPARKHOUSE_WAREHOUSE is not set"),
        ({"SPARKHOUSE_WAREHOUSE": "shared/house"}, "name a folder by its whole path, or a URI"),
        ({"SPARKHOUSE_WAREHOUSE": "s3a://bucket/house"}, "SPARKHOUSE_SHARED_FOLDER is not set"),
        ({"SPARKHOUSE_SHARED_FOLDER": "shared"}, "SPARKHOUSE_SHARED_FOLDER is 'shared': name a folder"),
        ({"SPARKHOUSE_CATALOG": "glue"}, r"SPARKHOUSE_CATALOG is 'glue': set it to thrift://"),
        ({"SPARKHOUSE_JARS": "/nowhere/a.jar,/nowhere/b.jar"}, "/nowhere/a.jar, /nowhere/b.jar: there is no such file"),
        ({"SPARKHOUSE_SPARK_CONF": "/nowhere/spark.conf"}, "/nowhere/spark.conf, which cannot be read"),
    ],
)
def test_what_is_missing_or_cannot_be_is_named(changed: dict[str, str], told: str) -> None:
    with pytest.raises(ClusterNotNamed, match=told) as raised:
        cluster_of(NAMED | changed)
    assert "word@" not in str(raised.value)


def test_a_file_with_the_password_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    named = {**NAMED, "SPARKHOUSE_DATABASE_PASSWORD": "", "SPARKHOUSE_DATABASE_PASSWORD_FILE": str(file)}
    file.chmod(0o640)
    with pytest.raises(ClusterNotNamed, match=f"chmod 600 {file}"):
        cluster_of(named)
    file.chmod(0o600)
    cluster = cluster_of(named)
    assert cluster
    assert cluster.database.password == SECRET


def test_tables_lie_in_an_object_store_and_the_rest_in_a_folder(tmp_path: Path) -> None:
    cluster = cluster_of(
        {**NAMED, "SPARKHOUSE_WAREHOUSE": "s3a://bucket/house/", "SPARKHOUSE_SHARED_FOLDER": "/mnt/shared"}
    )
    assert cluster
    assert cluster.warehouse == "s3a://bucket/house"
    assert cluster.scratch == "s3a://bucket/house/_scratch"
    home = Home(tmp_path, cluster=cluster)
    of_tables = (home.landing, home.limits, home.mlflow, home.runs, home.salt, home.serving)
    assert [str(path) for path in of_tables] == [
        f"/mnt/shared/_{name}" for name in ("landing", "limits.yml", "mlflow", "runs", "salt", "serving")
    ]
    assert home.reports.parent == home.tmp.parent == tmp_path


def test_limits_that_only_one_machine_would_hold_to_are_refused(tmp_path: Path) -> None:
    shared, home = tmp_path / "shared", tmp_path / "home"
    for folder in (shared, home):
        folder.mkdir()
    cluster = cluster_of({**NAMED, "SPARKHOUSE_WAREHOUSE": str(shared)})
    (home / "limits.yml").write_text("rules: {}\n")
    assert Home(home).limits == home / "limits.yml"
    with pytest.raises(InvalidSetting, match=rf"{home}/limits.yml does not hold .*: move it to {shared}/_limits.yml"):
        _ = Home(home, cluster=cluster).limits
    # Which those of the machine's own tables may stay beside.
    (shared / "_limits.yml").write_text("rules: {}\n")
    assert Home(home, cluster=cluster).limits == shared / "_limits.yml"


@pytest.mark.parametrize(
    ("catalog", "kind", "uri"),
    [
        ("", "jdbc", "jdbc:postgresql://db.example:5432/house?sslmode=verify-full"),
        ("thrift://head:9083", "hive", "thrift://head:9083"),
        ("https://head/catalog", "rest", "https://head/catalog"),
    ],
)
def test_the_profile_names_the_catalog(
    catalog: str, kind: str, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**NAMED, "SPARKHOUSE_HOME": str(tmp_path), "SPARKHOUSE_CATALOG": catalog}.items():
        monkeypatch.setenv(name, value)
    settings = spark_settings()
    own = "spark.sql.catalog.spark_catalog"
    assert settings[f"{own}.type"] == kind
    assert settings[f"{own}.uri"] == uri
    assert settings[f"{own}.warehouse"] == NAMED["SPARKHOUSE_WAREHOUSE"]
    assert settings["spark.master"] == NAMED["SPARKHOUSE_MASTER"]
    assert settings["spark.driver.bindAddress"] == "127.0.0.1"
    monkeypatch.setenv("SPARKHOUSE_DRIVER_BIND", "0.0.0.0")  # noqa: S104 - in a container
    assert spark_settings()["spark.driver.bindAddress"] == "0.0.0.0"  # noqa: S104
    assert SECRET not in str(settings)


@pytest.mark.parametrize("has_memory_files", [True, False])
def test_java_reads_the_password_where_libpq_would(*, has_memory_files: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if has_memory_files and not hasattr(os, "memfd_create"):
        pytest.skip("this system has no files in memory")
    if not has_memory_files:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    gateway = Mock()
    set_property = gateway.jvm.java.lang.System.setProperty
    show_password(gateway, Database("postgresql://db/house", "me", "a:b\\c é"))
    name, path = set_property.call_args.args
    assert name == "org.postgresql.pgpassfile"
    assert Path(path).read_text() == "*:*:*:me:a\\:b\\\\c é\n"
    assert has_memory_files or not Path(path).stat().st_mode & 0o077
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("PGPASSFILE", raising=False)
    show_password(gateway, Database("postgresql://db/house", "me"))
    assert set_property.call_args.args == (name, "/home/me/.pgpass")
    monkeypatch.setenv("PGPASSFILE", "/etc/passwords")
    show_password(gateway, Database("postgresql://db/house", "me"))
    assert set_property.call_args.args == (name, "/etc/passwords")


def test_settings_of_ones_own_are_passed_on_and_may_not_contradict(tmp_path: Path) -> None:
    conf = tmp_path / "spark.conf"
    conf.write_text(
        "# memory\nspark.executor.memory 4g\nspark.hadoop.fs.s3a.secret.key=se=cret\n\n"
        "spark.sql.catalog.spark_catalog.token: to ken\n"
    )
    assert settings_in(conf) == {
        "spark.executor.memory": "4g",
        "spark.hadoop.fs.s3a.secret.key": "se=cret",
        "spark.sql.catalog.spark_catalog.token": "to ken",
    }
    cluster = cluster_of({**NAMED, "SPARKHOUSE_SPARK_CONF": str(conf)})
    assert cluster
    assert cluster.tables.options == {"token": "to ken"}, "PyIceberg is let in with it, too"
    assert "to ken" not in repr(cluster.tables)
    assert "spark.executor.memory" not in cluster_settings(cluster, {EXECUTOR_OPTIONS: "-Dx=y"})
    with pytest.raises(InvalidSetting, match=r"spark\.conf sets spark\.executor\.memory, which Sparkhouse sets"):
        cluster_settings(cluster, {EXECUTOR_OPTIONS: "", "spark.executor.memory": "1g"})
    conf.write_text("export A=b\n")
    with pytest.raises(ClusterNotNamed, match="has lines of export"):
        cluster_of({**NAMED, "SPARKHOUSE_SPARK_CONF": str(conf)})


def test_what_leads_to_a_clusters_stores_is_kept_for_a_cluster_alone(tmp_path: Path) -> None:
    jar, python = tmp_path / "driver.jar", "/opt/python/bin/python"
    jar.touch()
    inherited = {"AWS_ACCESS_KEY_ID": "key", "HADOOP_CONF_DIR": "/etc/hadoop", "SPARK_HOME": "/opt/spark"}
    alone = made(inherited, Machine.here(tmp_path))
    assert not inherited.keys() & alone.keys() - {"SPARK_HOME"}
    cluster = cluster_of(
        {
            **NAMED,
            "SPARKHOUSE_MASTER": "yarn",
            "SPARKHOUSE_DRIVER_HOST": "10.0.0.7",
            "SPARKHOUSE_JARS": str(jar),
            "SPARKHOUSE_EXECUTOR_PYTHON": python,
        }
    )
    with_others = made(inherited, Machine.here(tmp_path, cluster))
    assert with_others["AWS_ACCESS_KEY_ID"] == "key"
    assert with_others["HADOOP_CONF_DIR"] == "/etc/hadoop"
    assert with_others["SPARK_HOME"] == alone["SPARK_HOME"]
    assert with_others["SPARK_LOCAL_IP"] == "10.0.0.7"
    assert with_others["SPARK_DIST_CLASSPATH"] == f"{alone['SPARK_DIST_CLASSPATH']}:{jar}"
    assert with_others["PYSPARK_PYTHON"] == python
