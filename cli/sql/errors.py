"""What Spark says of a statement that it cannot answer, in one line: no stack, no plan, no class of Java."""

from __future__ import annotations

import re

from warehouse.contract.cells import visible

# `[DIVIDE_BY_ZERO] Division by zero. ...`: a fault that Spark knows, in its words.
_KNOWN = re.compile(r"\[(?P<fault>[A-Z][A-Z0-9_]+(\.[A-Z0-9_]+)?)\] (?P<words>.+)", re.DOTALL)
# Where the words end: at a place in the text as it was written anew, the text itself, a plan, a stack.
_END = re.compile(r";? ?\(?line \d+,? pos \d+|\n+== |;?\n'|;\n|\n[+:]- |\n\s*at [\w.$/]+\(")
_CAUSES = re.compile(r"\nCaused by: |\n(?:Driver|JVM) stacktrace:\n")
# What runs before a fault that Spark has no name for: the call, the stage and the task, the classes that handed it on.
_BEFORE = re.compile(r"(.*\(executor \w+\): |An error occurred while calling .*?\n: )?((\w+\.)+[\w$]+: )*", re.DOTALL)
_REMEDIES = {
    "TABLE_OR_VIEW_NOT_FOUND": 'sparkhouse sql "show tables in marts" lists the tables of a namespace.',
    "UNRESOLVED_COLUMN": 'sparkhouse sql "describe marts.dim_users" lists the columns of a table.',
}


def one_line(error: Exception) -> str:
    """Return the words for the fault at the bottom of an error of Spark, and the remedy where it names none of ours."""
    text = str(error)
    known = _KNOWN.search(text)
    if known is None:
        words = [_BEFORE.sub("", _until_end(each), count=1).strip() for each in _CAUSES.split(text)]
        return _shown(next((each for each in reversed(words) if each), text))
    words_of_spark, fault = _until_end(known["words"]), known["fault"].partition(".")[0]
    if fault == "TABLE_OR_VIEW_NOT_FOUND":
        words_of_spark = words_of_spark.partition(" Verify ")[0]
    remedy = "" if "Did you mean" in words_of_spark else _REMEDIES.get(fault, "")
    return _shown(f"{words_of_spark} {remedy}")


def _until_end(text: str) -> str:
    end = _END.search(text)
    return text[: end.start()] if end else text


def _shown(text: str) -> str:
    return visible(" ".join(text.split()))
