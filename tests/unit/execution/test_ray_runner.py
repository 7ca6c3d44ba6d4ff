"""The Ray engine keeps the promises of an engine; skipped where Ray is not installed."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from linernotes.errors import MissingExtra
from linernotes.execution import ray as engine

HAS_RAY = importlib.util.find_spec("ray") is not None

# in a process of its own: Ray starts threads, servers and warnings that are not ours to answer for
STORY = """
import sys
from pathlib import Path
from linernotes.execution.ray import RayRunner
from linernotes.execution.resume import ShardStore
from linernotes.testing import check_runner
from linernotes.testing.folds import Concatenation

if __name__ == "__main__":
    with RayRunner(n_workers=2) as first:
        check_runner(lambda shard_size: RayRunner(shard_size, n_workers=3))
        store, said = ShardStore(Path(sys.argv[1])), []
        run = RayRunner(2, store, lambda *facts: said.append(facts))
        assert run(Concatenation(), list("abcde")) == tuple("abcde")
        assert said[0] == ("pass", 0, 3) and said[-1] == ("pass", 3, 3)
        assert len(list(Path(sys.argv[1]).iterdir())) == 3
        assert run(Concatenation(), list("abcde")) == tuple("abcde")
    print("promises kept")
"""


@pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed (extra 'ray')")
def test_the_engine_keeps_its_promises(tmp_path: Path) -> None:
    script = tmp_path / "story.py"
    script.write_text(STORY)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "shards")], capture_output=True, text=True, timeout=280
    )
    assert "promises kept" in done.stdout, done.stderr[-2000:]


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(engine.importlib, "import_module", absent)
    with pytest.raises(MissingExtra, match=r"linernotes\[ray\]"):
        engine.RayRunner()
