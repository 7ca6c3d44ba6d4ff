"""Parsers against damaged inputs: nothing but our own errors, and no damaged proof passes.

The long run (a million inputs and more) is ``benchmarks/fuzz/run.py``; its results are committed there.
"""

import random
from pathlib import Path

import pytest

with pytest.MonkeyPatch.context() as patch:  # the benchmarks lie beside the package, not in it
    patch.syspath_prepend(str(Path(__file__).parents[2]))
    from benchmarks.fuzz import completeness
    from benchmarks.fuzz.mutate import damaged
    from benchmarks.fuzz.run import fuzz
    from benchmarks.fuzz.targets import TARGETS

N_INPUTS, N_SLOW = 100, 20
SLOW = {  # several milliseconds each
    *(
        "disclosure",
        "workspace",
        "consent-history",
        "credentials-wav",
        "credentials-flac",
        "verifier-presence",
    ),
    *(
        "rights-xlsx-sheet",
        "log-checked",
        "log-mirrored",
        "snapshot",
        "snapshot-unchecked",
        "disclosure-gaps-document",
    ),
}
LENIENT = {  # what they do not understand says nothing, and they never refuse
    *("content-signal", "request-story", "preferences", "subject", "location-pattern"),
}


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_damaged_input_is_refused_or_means_what_it_meant(name):
    n_inputs = N_SLOW if name in SLOW else N_INPUTS
    found = fuzz(name, n_inputs, seed=2026)
    assert not found["findings"]
    assert found["counts"]["inputs"] == n_inputs
    assert found["counts"].get("refused", 0) > 0 or name in LENIENT


def test_every_parser_is_fuzzed_or_excused():
    found = completeness.check()
    assert not found.bare, "write a target, or a reason in benchmarks/fuzz/not_fuzzed.py"
    assert not found.idle


def test_a_parser_without_a_target_is_noticed(monkeypatch):
    monkeypatch.setattr(completeness, "TARGETS", {"share": TARGETS["share"]})
    bare = completeness.check().bare
    assert "catalog/shares.py:parse_share" not in bare
    assert {"ids.py:parse_isrc", "auditlog/fork.py:Evidence.from_bytes", "signals/wire.py:xml_of"} <= set(
        bare
    )


def test_the_damage_is_damage():
    draw = random.Random(5)
    seed = b'{"size": 4, "root": "abcdef", "path": [1, 2, 3]}\nline two\n'
    made = [damaged(seed, [b"another one"], draw) for _ in range(300)]
    assert sum(one != seed for one in made) > 280
    assert len(set(made)) > 250


def test_a_parser_that_crashes_or_accepts_too_much_is_caught(monkeypatch):
    from benchmarks.fuzz import run

    def careless(data):
        return data[0] + data[1]  # IndexError on short input

    made = {"careless": run.Target(careless, lambda: [b"ab", b"cd"], is_proof=True)}
    monkeypatch.setattr(run, "TARGETS", made)
    faults = {one["fault"] for one in run.fuzz("careless", 300, seed=1)["findings"]}
    assert "accepted a damaged proof" in faults
    assert any(fault.startswith("crash: IndexError") for fault in faults)
