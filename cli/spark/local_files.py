"""Hadoop's local file system, which gives a file its mode by itself.

Without its native library, which no package of Python brings, Hadoop starts `chmod` once for each file, each folder and
each check sum that it writes: a dozen processes a commit of a table, in which everything else waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.spark.java_classes import compiled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from py4j.java_gateway import JavaGateway  # type: ignore[import-untyped]

CLASS = "SparkhouseFileSystem"
# Hadoop's own way stays for what Java has no name for, as the sticky bit. A file that has its mode already, as nearly
# all do, is left alone: some file systems forbid to set what they cannot keep.
SOURCE = f"""
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;

public class {CLASS} extends LocalFileSystem {{
    public {CLASS}() {{ super(new Modes()); }}

    public static class Modes extends RawLocalFileSystem {{
        public void setPermission(Path path, FsPermission mode) throws IOException {{
            if (mode.toShort() > 0777) {{ super.setPermission(path, mode); return; }}
            String letters = mode.getUserAction().SYMBOL + mode.getGroupAction().SYMBOL + mode.getOtherAction().SYMBOL;
            Set<PosixFilePermission> wanted = PosixFilePermissions.fromString(letters);
            java.nio.file.Path file = pathToFile(path).toPath();
            if (!Files.getPosixFilePermissions(file).equals(wanted)) {{ Files.setPosixFilePermissions(file, wanted); }}
        }}
    }}
}}
"""
OF_HADOOP = "spark.hadoop."


def set_modes_without_processes(gateway: JavaGateway, settings: Mapping[str, str]) -> None:
    """Make the file system of the class above the one that this JVM has for local files; before Spark asks for one.

    Hadoop keeps a file system for all who ask for one later, with the settings of who asked first.
    """
    jvm = gateway.jvm
    configuration = jvm.org.apache.hadoop.conf.Configuration()
    for name, value in settings.items():
        if name.startswith(OF_HADOOP):
            configuration.set(name.removeprefix(OF_HADOOP), value)
    configuration.setClassLoader(compiled(gateway, SOURCE))
    configuration.set("fs.file.impl", CLASS)
    jvm.org.apache.hadoop.fs.FileSystem.get(jvm.java.net.URI("file:///"), configuration)
