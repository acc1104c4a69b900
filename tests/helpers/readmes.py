"""The READMEs of the repository as tests read them: blocks of code, lines of commands, tables, headings, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Readme:
    """A README; `name` is its path from the root of the repository."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return str(self.path.relative_to(REPOSITORY))

    @property
    def prose(self) -> str:
        """What stands outside of blocks of code."""
        return BLOCK.sub("", self.text)

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """The blocks of code, each with its kind."""
        return BLOCK.findall(self.text)

    def of_kind(self, kind: str) -> list[str]:
        return [block for each, block in self.blocks if each == kind]

    @property
    def commands(self) -> list[str]:
        """The lines of its blocks of bash."""
        return [line for block in self.of_kind("bash") for line in block.strip().splitlines()]

    @property
    def anchors(self) -> set[str]:
        """Its headings, as GitHub makes anchors of them."""
        headings = re.findall(r"^#+ (.*)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}

    @property
    def links(self) -> list[str]:
        """The targets of its links to files of the repository and to headings."""
        return [target for target in re.findall(r"\]\(([^)\s]+)\)", self.prose) if "://" not in target]

    def first_cells(self, header: str) -> list[str]:
        """The first cells of the rows of the tables whose first column has this header."""
        tables = re.findall(rf"^\| {header} \|.*\n\|[-|]+\n((?:\|.*\n)+)", self.prose, re.MULTILINE)
        # A pipe within code belongs to the cell.
        return [re.split(r" \| ", row.strip("| "))[0] for table in tables for row in table.splitlines()]


def readme(path: Path) -> Readme:
    return Readme(path, path.read_text())


ROOT = readme(REPOSITORY / "README.md")
PACKAGES = [readme(path) for path in sorted(REPOSITORY.glob("*/README.md")) if not path.parent.name.startswith(".")]
READMES = [ROOT, *PACKAGES]


def commands_of(program: str) -> list[str]:
    """The arguments of all commands of a program that need no other state folder than the default one."""
    of_program = re.compile(rf"\.venv/bin/{program} (.*)")
    return [found[1] for each in READMES for line in each.commands if (found := of_program.match(line))]
