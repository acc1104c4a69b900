"""Data files of a table that tasks write without Java, and the commit that makes them rows of the table.

Rows that come from Python anyway need no way through Java's memory and its Parquet writer, which together took more
processor time than all the rest of an ingest. What Iceberg keeps of a file, such as the bounds of its columns, it reads
from the file itself.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow.fs import FileSelector, LocalFileSystem

from warehouse.contract.errors import SparkhouseError
from warehouse.contract.files import path_here
from warehouse.contract.tables import BRANCH_OF_SESSION, BRANCHED, iceberg_table
from warehouse.landing.file_systems import file_system_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import SparkSession

# Tasks of several cores share the groups of rows of a file among them.
_ROWS_OF_A_GROUP = 100_000
_FIELD_ID = "PARQUET:field_id"
_ARROW_TYPES = {
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}


class DataFileDiffers(SparkhouseError, RuntimeError):
    """A data file has other rows than were written to it."""


@dataclass(frozen=True)
class DataFile:
    """A file that was written, and its rows."""

    path: str
    row_count: int


@dataclass(frozen=True)
class DataFolder:
    """Where new data files of a table go: the place, the columns with their field ids, and how the names begin.

    The place is a folder, or a URI of an object store or of HDFS, which Arrow writes to.
    """

    place: str
    schema: pa.Schema
    prefix: str

    @contextmanager
    def writer(self, name: str) -> Iterator[RowWriter]:
        """Give a block what writes rows to a file; without a row there is no file."""
        writer = RowWriter(f"{self.place}/{self.prefix}-{name}.parquet", self.schema)
        try:
            yield writer
        finally:
            writer.close()

    def remove_files(self) -> None:
        """Take away all files with the prefix: no table knows of them."""
        files, folder = file_system_of(self.place)
        for found in files.get_file_info(FileSelector(folder, allow_not_found=True)):
            if found.base_name.startswith(f"{self.prefix}-"):
                files.delete_file(found.path)


@dataclass
class RowWriter:
    """Writes rows to a Parquet file, in groups."""

    path: str
    schema: pa.Schema
    row_count: int = 0
    _waiting: list[pa.Table] = field(default_factory=list)
    _writer: pq.ParquetWriter | None = None

    def write(self, rows: pa.Table) -> None:
        """Take rows with columns of the schema, in any order; what they lack has no value."""
        columns = [
            rows.column(each.name) if each.name in rows.column_names else pa.nulls(len(rows), each.type)
            for each in self.schema
        ]
        self._waiting.append(pa.table(columns, schema=self.schema))
        self.row_count += len(rows)
        if sum(map(len, self._waiting)) >= _ROWS_OF_A_GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        self._flush()
        if self._writer:
            self._writer.close()

    @property
    def file(self) -> DataFile | None:
        """The file with the rows, once it is closed; None without a row."""
        return DataFile(self.path, self.row_count) if self.row_count else None

    def _flush(self) -> None:
        rows = pa.concat_tables(self._waiting) if self._waiting else None
        self._waiting.clear()
        if rows is None or not len(rows):
            return
        if self._writer is None:
            files, path = file_system_of(self.path)
            if isinstance(files, LocalFileSystem):
                files.create_dir(str(Path(path).parent))
            self._writer = pq.ParquetWriter(
                path,
                self.schema,
                filesystem=files,
                compression="zstd",
                use_dictionary=_repeated(rows),
                store_schema=False,
            )
        self._writer.write_table(rows)


def _repeated(rows: pa.Table) -> list[str]:
    """Return the columns in which values come again: a dictionary makes those of all others larger."""
    columns = [name for name in rows.column_names if not pa.types.is_nested(rows.schema.field(name).type)]
    return [name for name in columns if 2 * pc.count_distinct(rows.column(name)).as_py() < len(rows)]


def data_folder(spark: SparkSession, table: str) -> DataFolder:
    """Return where new data files of a table go."""
    iceberg = iceberg_table(spark, table)
    schema = json.loads(spark._jvm.org.apache.iceberg.SchemaParser.toJson(iceberg.schema()))  # type: ignore[union-attr]  # noqa: SLF001
    fields = [_field(each["name"], each["id"], each["type"], each["required"]) for each in schema["fields"]]
    place = str(iceberg.location())
    return DataFolder(f"{path_here(place) or place}/data", pa.schema(fields), str(uuid4()))


def append_files(spark: SparkSession, table: str, files: Sequence[DataFile]) -> None:
    """Make files rows of a table, in one commit, on the branch of the session where it has one.

    Raises DataFileDiffers.
    """
    if not files:
        return
    jvm: Any = spark._jvm  # noqa: SLF001
    iceberg = iceberg_table(spark, table)
    append = iceberg.newAppend()
    branch = spark.conf.get(BRANCH_OF_SESSION, None)
    if branch and iceberg.properties().get(BRANCHED) == "true":
        append = append.toBranch(branch)
    settings = jvm.org.apache.iceberg.MetricsConfig.forTable(iceberg)
    for file in files:
        written = iceberg.io().newInputFile(file.path)
        metrics = jvm.org.apache.iceberg.parquet.ParquetUtil.fileMetrics(written, settings)
        if metrics.recordCount() != file.row_count:
            raise DataFileDiffers(
                f"{file.path} has {metrics.recordCount()} rows, and {file.row_count} were written: check the disk, and "
                "repeat the command"
            )
        build = jvm.org.apache.iceberg.DataFiles.builder(iceberg.spec()).withInputFile(written)
        append.appendFile(build.withFormat("parquet").withMetrics(metrics).build())
    append.commit()


def _field(name: str, number: int, kind: str | dict[str, Any], is_required: bool) -> pa.Field:  # noqa: FBT001 - Iceberg's
    metadata = {_FIELD_ID: str(number)}
    return pa.field(name, _arrow_type(kind), nullable=not is_required, metadata=metadata)


def _arrow_type(kind: str | dict[str, Any]) -> pa.DataType:
    if isinstance(kind, str):
        return _ARROW_TYPES[kind]
    return pa.list_(_field("element", kind["element-id"], kind["element"], kind["element-required"]))
