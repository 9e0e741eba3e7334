"""How LanceDB is imported: without what only its remote servers need."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import samekind

ROOT = Path(samekind.__file__).parents[1]


def test_the_client_for_remote_servers_is_loaded_when_somebody_asks_for_it(tmp_path: Path) -> None:
    """It is four tenths of LanceDB's import; a table works without, and the client works with all that it has."""
    code = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from samekind.indexer.storage.database import open_database
        table = open_database(Path(sys.argv[1])).create_table("numbers", data=[{"x": 1}, {"x": 2}])
        assert table.search().where("x > 1").to_arrow()["x"].to_pylist() == [2]
        print("lance_namespace_urllib3_client.api" in sys.modules)
        from lance_namespace_urllib3_client import TableApi
        import lance_namespace_urllib3_client
        assert lance_namespace_urllib3_client.TableApi is TableApi
        print("lance_namespace_urllib3_client.api" in sys.modules)
        print(hasattr(lance_namespace_urllib3_client, "nothing of this name"))
        """
    )
    answer = subprocess.run(
        [sys.executable, "-P", "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert answer.stdout.split() == ["False", "True", "False"], answer.stderr
