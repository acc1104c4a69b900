"""What a log may be laid out and packed as by those who export it."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Record = dict[str, Any]


def json_lines(records: Sequence[Record]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def delimited(records: Sequence[Record], delimiter: str) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def parquet(records: Sequence[Record]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(records)), file, row_group_size=5)
    return file.getvalue()


def arrow_packed(codec: str) -> Callable[[bytes], bytes]:
    def pack(text: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as stream:
            stream.write(text)
        return bytes(sink.getvalue().to_pybytes())

    return pack


def tarred(text: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in (("logs/part-00000", text), ("logs/README", b"About this delivery."), ("._x", b"{}")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def zipped(text: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("logs/day.json", text)
        archive.writestr("__MACOSX/._day.json", b"\0\1")
    return file.getvalue()


FORMS: dict[str, Callable[[Sequence[Record]], bytes]] = {
    "JSON lines": json_lines,
    "Windows lines": lambda records: json_lines(records).replace(b"\n", b"\r\n"),
    "with a byte order mark": lambda records: b"\xef\xbb\xbf" + json_lines(records),
    "UTF-16": lambda records: json_lines(records).decode().encode("utf-16"),
    "UTF-32": lambda records: json_lines(records).decode().encode("utf-32"),
    "an array": lambda records: json.dumps(records, ensure_ascii=False).encode(),
    "a pretty array": lambda records: json.dumps(records, indent=2).encode(),
    "pretty": lambda records: "\n".join(json.dumps(record, indent=4) for record in records).encode(),
    "run together": lambda records: "".join(map(json.dumps, records)).encode(),
    "wrapped": lambda records: json.dumps({"count": 2, "Records": records, "next": {"page": [1]}}).encode(),
    "CSV": lambda records: delimited(records, ","),
    "CSV of Excel": lambda records: b"\xef\xbb\xbf" + delimited(records, ";"),
    "CSV with a line for Excel": lambda records: b"sep=;\r\n" + delimited(records, ";"),
    "CSV of pandas": lambda records: delimited([{"": 7, "Unnamed: 0": 7, **record} for record in records], ","),
    "TSV": lambda records: delimited(records, "\t"),
    "Parquet": parquet,
    "Parquet of pandas": lambda records: parquet([{**record, "__index_level_0__": 7} for record in records]),
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "two gzip streams": lambda text: gzip.compress(text[:99]) + b"\0" * 512 + gzip.compress(text[99:]) + b"\r\n",
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": arrow_packed("zstd"),
    "lz4": arrow_packed("lz4"),
    "zip": zipped,
    "tar": tarred,
    "tar.gz": lambda text: gzip.compress(tarred(text)),
    "tar.zst": lambda text: arrow_packed("zstd")(tarred(text)),
    "gzip in zip": lambda text: zipped(gzip.compress(text)),
}
