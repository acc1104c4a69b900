"""What Spark says of a fault, as people read it. The texts are those of Spark 3.5."""

from __future__ import annotations

import pytest

from cli.sql.errors import one_line

FAILED_TASK = (
    "An error occurred while calling o1.getResult.\n: o.a.s.SparkException: thrown in awaitResult: \n"
    "\tat org.apache.spark.util.SparkThreadUtils$.awaitResult(SparkThreadUtils.scala:56)\n"
    "\tat java.base/java.lang.Thread.run(Unknown Source)\n"
    "Caused by: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 3.0 failed 1 times, "
    "most recent failure: Lost task 0.0 in stage 3.0 (TID 5) (127.0.0.1 executor driver): {0}\n"
    "\tat org.apache.spark.sql.catalyst.expressions.GeneratedClass$GeneratedIterator.processNext(Unknown Source)\n"
    "\nDriver stacktrace:\n"
    "\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2898)\n"
    "Caused by: {0}\n"
    "\tat org.apache.spark.sql.catalyst.expressions.GeneratedClass$GeneratedIterator.processNext(Unknown Source)\n"
    "\t... 1 more\n"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            (
                "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column with name `nope` cannot be resolved. "
                "Did you mean one of the following? [`id`].; line 1 pos 7;\n'Project ['nope]\n+- Range (0, 3, step=1)\n"
            ),
            ("A column with name `nope` cannot be resolved. Did you mean one of the following? [`id`]."),
        ),
        (
            (
                "[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column with name `nope` cannot be resolved."
                "; line 1 pos 7;\n'Project ['nope]\n"
            ),
            (
                "A column with name `nope` cannot be resolved. "
                'sparkhouse sql "describe marts.dim_users" lists the columns of a table.'
            ),
        ),
        (
            (
                "[TABLE_OR_VIEW_NOT_FOUND] The table or view `marts`.`nothing_here` cannot be found. Verify the "
                "spelling and the catalog.\nIf you did not qualify the name, do.; line 1 pos 14;\n'Project [*]"
            ),
            (
                "The table or view `marts`.`nothing_here` cannot be found. "
                'sparkhouse sql "show tables in marts" lists the tables of a namespace.'
            ),
        ),
        (
            "\n[PARSE_SYNTAX_ERROR] Syntax error at or near ')'.(line 1, pos 29)\n\n== SQL ==\nselect (\n-----^^^\n",
            "Syntax error at or near ')'.",
        ),
        (
            (
                "[INVALID_WHERE_CONDITION] The WHERE condition contains invalid expressions: sum(id).\n"
                "Rewrite the query to avoid them.; line 1 pos 0;\nProject [id#840L]\n+- Filter (sum(id#840L) > 1)\n"
            ),
            "The WHERE condition contains invalid expressions: sum(id). Rewrite the query to avoid them.",
        ),
        (
            (
                "An error occurred while calling o2055.toArrowBatchRdd.\n: org.apache.spark.SparkException: "
                "[SCALAR_SUBQUERY_TOO_MANY_ROWS] More than one row of a subquery.\n== SQL(line 1, position 8) ==\n"
                "select 1\n\n\tat org.apache.spark.sql.X.y(X.scala:1)\n"
            ),
            "More than one row of a subquery.",
        ),
        ("Illegal pattern character: q", "Illegal pattern character: q"),
        (FAILED_TASK.format("java.lang.RuntimeException: a; b; c"), "a; b; c"),
        (FAILED_TASK.format("java.lang.RuntimeException: two\nlines\x1b[2J"), r"two lines\x1b[2J"),
        (
            FAILED_TASK.format("org.apache.spark.SparkArithmeticException: [DIVIDE_BY_ZERO] Division by zero."),
            "Division by zero.",
        ),
        (
            (
                "An error occurred while calling o1.getResult.\n: java.lang.OutOfMemoryError: Java heap space\n"
                "\tat scala.reflect.ManifestFactory$AnyManifest.newArray(Manifest.scala:250)\n"
            ),
            "Java heap space",
        ),
    ],
)
def test_a_fault_is_one_line_with_its_remedy(text: str, expected: str) -> None:
    assert one_line(RuntimeError(text)) == expected
