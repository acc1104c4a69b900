"""The process of the web app: small, and started at once."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"pyspark", "pandas", "pyarrow", "sklearn", "plotly", "numba", "shap", "mlflow", "dbt"}
ASKED = """
import json, sys
from pathlib import Path
from models_ml.serving.app import create_app
from models_ml.serving.web.settings import Settings
app = create_app(Settings(Path(sys.argv[1]), Path(sys.argv[1])))
status = app.test_client().get("/", base_url="http://localhost").status_code
print(json.dumps([status, sorted(name for name in sys.modules if "." not in name)]))
"""


def test_neither_spark_nor_any_library_of_training_is_in_the_process(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ASKED, str(tmp_path)], check=True, capture_output=True, text=True, timeout=60
    )
    status, modules = json.loads(ended.stdout)
    assert status == 503
    assert HEAVY & set(modules) == set()
