"""A REST catalog on this machine: Iceberg's own handlers of such requests, behind Python's HTTP server.

What a request says is read, done and answered by Iceberg's classes in a JVM; only the way from a path to them is ours.
The tables are those of a JDBC catalog in PostgreSQL.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

from cluster import JDBC_DRIVER, PASSWORD
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.java_gateway import launch_gateway

from cli.machine.environment import iceberg_jar, java_home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cluster import Postgres

TOKEN = "let-me-in"  # noqa: S105 - of a server that lives for a test
REST = "org.apache.iceberg.rest."
SPACE, TABLE = "namespaces/([^/]+)", "namespaces/([^/]+)/tables/([^/]+)"
# How the name of what Iceberg raised begins, and what a client is answered then.
CODES = {"NoSuch": 404, "AlreadyExists": 409, "CommitFailed": 409, "NamespaceNotEmpty": 409, "Validation": 400}


class Catalog:
    """Iceberg's handlers, by the methods and paths of the protocol."""

    def __init__(self, server: Postgres, warehouse: str) -> None:
        with patch.dict(
            os.environ,
            JAVA_HOME=str(java_home(None)),
            PYSPARK_SUBMIT_ARGS=f"--driver-memory 512m --driver-class-path {iceberg_jar()}:{JDBC_DRIVER} pyspark-shell",
        ):
            self.gateway: Any = launch_gateway()
        java = self.gateway.jvm
        self.loader = java.Thread.currentThread().getContextClassLoader()
        self.handlers, self.names = java.org.apache.iceberg.rest.CatalogHandlers, java.org.apache.iceberg.catalog
        mapper = self.loader.loadClass(f"{REST}RESTObjectMapper").getDeclaredMethod("mapper", self._array("Class"))
        mapper.setAccessible(True)
        self.mapper = mapper.invoke(None, self._array("Object"))
        self.catalog = java.org.apache.iceberg.jdbc.JdbcCatalog()
        self.catalog.setConf(java.org.apache.hadoop.conf.Configuration())
        settings = {"uri": f"jdbc:{server.address}", "jdbc.user": "sparkhouse", "jdbc.password": PASSWORD}
        properties = java.java.util.HashMap()
        for name, value in {**settings, "warehouse": warehouse}.items():
            properties.put(name, value)
        self.catalog.initialize("behind_rest", properties)
        self.routes: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", "namespaces", lambda _: self._do("listNamespaces", self._space())),
            ("POST", "namespaces", lambda body: self._do("createNamespace", self._read("CreateNamespace", body))),
            ("GET|HEAD", SPACE, lambda _, space: self._do("loadNamespace", self._space(space))),
            ("DELETE", SPACE, lambda _, space: self._do("dropNamespace", self._space(space))),
            ("GET", f"{SPACE}/tables", lambda _, space: self._do("listTables", self._space(space))),
            ("POST", f"{SPACE}/tables", self._create),
            ("GET|HEAD", TABLE, lambda _, *name: self._do("loadTable", self._table(*name))),
            ("POST", TABLE, self._update),
            ("DELETE", TABLE, lambda _, *name: self._do("dropTable", self._table(*name))),
            ("POST", f"{TABLE}/metrics", lambda *_: None),
        ]

    def answer(self, method: str, path: str, body: str) -> str:
        """Return what Iceberg answers, in JSON. Raises Py4JJavaError, and LookupError for what is not served."""
        if path == "config":
            return '{"defaults": {}, "overrides": {}}'
        for methods, form, handler in self.routes:
            if re.fullmatch(methods, method) and (named := re.fullmatch(form, path)):
                answered = handler(body, *map(unquote, named.groups()))
                return self.mapper.writeValueAsString(answered) if answered is not None else ""
        raise LookupError(f"{method} {path} is not served")

    def _do(self, handler: str, *arguments: Any) -> Any:  # noqa: ANN401 - of Java
        return getattr(self.handlers, handler)(self.catalog, *arguments)

    def _create(self, body: str, space: str) -> Any:  # noqa: ANN401
        handler = "stageTableCreate" if json.loads(body).get("stage-create") else "createTable"
        return self._do(handler, self._space(space), self._read("CreateTable", body))

    def _update(self, body: str, *name: str) -> Any:  # noqa: ANN401
        return self._do("updateTable", self._table(*name), self._read("UpdateTable", body))

    def _read(self, what: str, body: str) -> Any:  # noqa: ANN401
        return self.mapper.readValue(body, self.loader.loadClass(f"{REST}requests.{what}Request"))

    def _space(self, space: str = "") -> Any:  # noqa: ANN401
        return self.names.Namespace.of(self._array("String", *filter(None, space.split("\x1f"))))

    def _table(self, space: str, name: str) -> Any:  # noqa: ANN401
        return self.names.TableIdentifier.of(self._space(space), name)

    def _array(self, of: str, *items: str) -> Any:  # noqa: ANN401
        array = self.gateway.new_array(getattr(self.gateway.jvm.java.lang, of), len(items))
        for place, item in enumerate(items):
            array[place] = item
        return array


@contextmanager
def rest_catalog(server: Postgres, warehouse: str) -> Iterator[tuple[str, list[str]]]:
    """Serve a catalog to who shows the token, for a block; give its address, and what was asked of it."""
    asked: list[str] = []
    catalog = Catalog(server, warehouse)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._say(401, error("NotAuthorizedException", "no token", 401))
                return
            asked.append(f"{self.command} {self.path}")
            try:
                self._say(200, catalog.answer(self.command, urlsplit(self.path).path.removeprefix("/v1/"), body))
            except LookupError as missing:
                self._say(400, error("BadRequestException", str(missing), 400))
            except Py4JJavaError as raised:
                kind = str(raised.java_exception.getClass().getSimpleName())
                code = next((code for begin, code in CODES.items() if kind.startswith(begin)), 500)
                self._say(code, error(kind, str(raised.java_exception.getMessage()), code))

        do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - http.server's

        def _say(self, code: int, words: str) -> None:
            content = words.encode() if self.command != "HEAD" else b""
            self.send_response(code if content or code != 200 else 204)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=serving.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{serving.server_port}", asked
    finally:
        serving.shutdown()
        serving.server_close()
        catalog.gateway.shutdown()
        catalog.gateway.proc.terminate()
        catalog.gateway.proc.wait()


def error(kind: str, message: str, code: int) -> str:
    return json.dumps({"error": {"message": message, "type": kind, "code": code}})
