"""What a sceptic tries: every lie that a provider, or a stranger, could tell with seal, log and proofs, and who notices.

Each story goes through the command line, and what a creator would check is checked twice: by the program and
by the single file that shares no code with it.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from linernotes.audio.files import read_audio, write_audio
from linernotes.cli.main import main
from linernotes.corpus.presence_bytes import PresenceProof
from linernotes.disclosure.limitation import FORBIDDEN

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "demo" / "catalog" / "audio"
VERIFIER = ROOT / "src" / "linernotes" / "verifier" / "linernotes_verify.py"
CORPUS = {  # file stem -> ISRC, day of consent
    "eric-skiff__jumpshot": ("USS1Z9900001", "2025-01-10"),
    "josh-woodward__dead-code": ("USS1Z9900002", "2025-01-10"),
    "wansti__theme": ("USS1Z9900003", "2025-06-30"),  # agreed after the training of 2025-03-01
}
OUTSIDER, OUTSIDER_ISRC = "dizzy-crow__pirates-orchestra", "USS1Z9900009"
HEADER = "file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence,isrc"


def rights(names):
    rows = [HEADER]
    for name in names:
        artist, title = name.split("__")
        isrc, agreed_on = CORPUS[name]
        rows.append(f"{name}.flac,{title},{artist},A Ltd,contract,yes,{agreed_on},no. 7,{isrc}")
    return "\n".join(rows) + "\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A provider with a sealed corpus of three recordings, a log of five entries and two witnesses."""
    home = tmp_path_factory.mktemp("sceptic")
    for name in (*CORPUS, OUTSIDER):
        folder = home / ("music" if name in CORPUS else "other")
        folder.mkdir(exist_ok=True)
        write_audio(folder / f"{name}.flac", read_audio(DEMO / f"{name}.ogg", 16000).excerpt(5, 25))
    (home / "rights.csv").write_text(rights(CORPUS), "utf-8")
    before = Path.cwd()
    os.chdir(home)
    try:
        seal = ("corpus", "seal", "music", "--rights", "rights.csv", "--training-date", "2025-03-01")
        assert main([*seal, "--out", "ws"]) == 0
        for number in range(4):
            (home / f"statement-{number}.txt").write_text(f"line {number}: 250.00 EUR\n", "utf-8")
            append = (
                "audit",
                "append",
                f"statement-{number}.txt",
                "--workspace",
                "ws",
                "--kind",
                "statement",
            )
            assert main(append) == 0
        assert main(["audit", "prove", "--workspace", "ws", "--index", "2", "--out", "receipt.json"]) == 0
        lines = [f"log {(home / 'ws' / 'keys' / 'log.pub').read_text().strip()}"]
        for name in ("east", "west"):
            assert main(["audit", "witness", "new", name, "--name", f"{name}.example.org/w"]) == 0
            assert main(["audit", "witness", "trust", name, "--key", "ws/keys/log.pub"]) == 0
            (key,) = [one for one in (home / name).iterdir() if one.suffix == ".pub"]
            lines.append(f"witness {name} {key.read_text().strip()}")
        lines += ["group both all east west", "quorum both"]
        (home / "policy.txt").write_text("\n".join(lines) + "\n", "utf-8")
    finally:
        os.chdir(before)
    return home


@pytest.fixture
def home(made, tmp_path, monkeypatch):
    """The provider's folder, fresh for each lie."""
    place = tmp_path / "home"
    shutil.copytree(made, place)
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def run(home, capsys):
    capsys.readouterr()

    def call(*words, code=0):
        found = main([str(word) for word in words])
        said = capsys.readouterr()
        assert found == code, said.out + said.err
        return json.loads(said.out) if "--json" in words and code == 0 else said.out + said.err

    return call


@pytest.fixture
def root(run):
    (snapshot,) = run("corpus", "snapshots", "--workspace", "ws", "--json")
    return snapshot["root"]


def alone(*words, code):
    """Ask the single-file verifier, as a stranger would: another process, nothing of ours on its path."""
    command = [sys.executable, "-I", str(VERIFIER), *map(str, words)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == code, said.stdout + said.stderr
    return said.stdout + said.stderr


def edit(path, old, new):
    """Change bytes in one of a folder's files, and say that something was there to change."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    changed = [one for one in files if old in one.read_bytes()]
    assert changed
    for one in changed:
        one.write_bytes(one.read_bytes().replace(old, new))


def test_an_honest_provider_is_believed(run, root):
    run("audit", "fsck", "--workspace", "ws")
    run("audit", "verify", "receipt.json", "--key", "ws/keys/log.pub", "--subject", "statement-1.txt")
    alone("receipt", "receipt.json", "--key", "ws/keys/log.pub", "--subject", "statement-1.txt", code=0)
    for name, code in ((next(iter(CORPUS)), "USS1Z9900001"), (OUTSIDER, OUTSIDER_ISRC)):
        file = f"{'music' if name in CORPUS else 'other'}/{name}.flac"
        run("presence", "prove", file, code, "--workspace", "ws", "--out", "p.proof")
        found = run("presence", "verify", "p.proof", "--root", root, "--file", file, "--key", code, "--json")
        assert found["present"] is (name in CORPUS)
        assert "isrc" in json.dumps(found)
        said = alone("presence", "p.proof", "--root", root, "--json", code=0)
        assert json.loads(said)["present"] is (name in CORPUS)


def test_an_edited_entry_of_the_log_is_named(run, home):
    edit(home / "ws" / "log", b"statement-1.txt", b"statement-9.txt")
    assert "entry 2" in run("audit", "fsck", "--workspace", "ws", code=1)
    run("audit", "prove", "--workspace", "ws", "--index", "2", "--out", "new.json", code=1)
    # the receipt that is out stands
    run("audit", "verify", "receipt.json", "--key", "ws/keys/log.pub", "--subject", "statement-1.txt")
    edit(home / "receipt.json", b"statement-1.txt", b"statement-9.txt")
    run("audit", "verify", "receipt.json", "--key", "ws/keys/log.pub", code=1)
    alone("receipt", "receipt.json", "--key", "ws/keys/log.pub", code=1)


def test_a_log_that_was_cut_short_is_noticed(run, home):
    """The provider puts back yesterday's log, from before the third entry."""
    before = home / "yesterday"
    shutil.copytree(home / "ws" / "log", before)
    (home / "statement-5.txt").write_text("a line that should never have been\n", "utf-8")
    run("audit", "append", "statement-5.txt", "--workspace", "ws", "--kind", "statement")
    run("audit", "prove", "--workspace", "ws", "--index", "5", "--out", "late.json")
    shutil.rmtree(home / "ws" / "log")
    shutil.copytree(before, home / "ws" / "log")
    run("audit", "fsck", "--workspace", "ws")  # by itself the old log is whole
    run("audit", "consistency", "late.json", "--workspace", "ws", code=1)
    assert "rolled back" in run("audit", "fsck", "--workspace", "ws", "--against", "late.json", code=1)


def test_two_histories_under_one_key_are_noticed_and_kept_as_evidence(run, home):
    run("audit", "mirror", "ws/log", "--out", "mirror", "--key", "ws/keys/log.pub")
    shutil.copytree(home / "ws", home / "ws2")
    (home / "a.txt").write_text("for the auditor\n", "utf-8")
    (home / "b.txt").write_text("for the artist\n", "utf-8")
    run("audit", "append", "a.txt", "--workspace", "ws")
    run("audit", "append", "b.txt", "--workspace", "ws2")
    run("audit", "prove", "--workspace", "ws2", "--index", "5", "--out", "artist.json")
    run("audit", "verify", "artist.json", "--key", "ws/keys/log.pub", "--subject", "b.txt")  # alone it holds
    run("audit", "consistency", "artist.json", "--workspace", "ws", code=1)
    run("audit", "prove", "--workspace", "ws", "--index", "5", "--out", "auditor.json")
    alone("consistency", "auditor.json", "artist.json", "--key", "ws/keys/log.pub", code=1)
    run("audit", "mirror", "ws2/log", "--out", "mirror", "--key", "ws/keys/log.pub")
    kept = set(home.rglob("*"))
    run("audit", "mirror", "ws/log", "--out", "mirror", "--key", "ws/keys/log.pub", code=1)
    evidence = "".join(one.read_text("utf-8") for one in set(home.rglob("*")) - kept if one.is_file())
    for workspace in ("ws", "ws2"):  # both signed heads
        size, head = (home / workspace / "log" / "checkpoint").read_text("utf-8").split("\n")[1:3]
        assert size in evidence
        assert head in evidence


def test_a_receipt_below_the_quorum_is_downgraded_not_accepted(run, home):
    key, policy = ("--key", "ws/keys/log.pub"), ("--policy", "policy.txt")
    found = run("audit", "verify", "receipt.json", *key, "--json")
    assert found["witnessed"] is False
    run("audit", "verify", "receipt.json", *key, *policy, code=1)
    for number, name in enumerate(("east", "west")):
        run("audit", "request", "--workspace", "ws", "--out", f"{name}.request")
        run("audit", "witness", "answer", name, f"{name}.request", "--out", f"{name}.cosignature")
        run("audit", "attach", f"{name}.cosignature", "--workspace", "ws", *policy)
        run("audit", "prove", "--workspace", "ws", "--index", "2", "--out", f"by-{number + 1}.json")
    run("audit", "verify", "by-1.json", *key, *policy, code=1)
    alone("receipt", "by-1.json", *key, *policy, code=1)
    assert run("audit", "verify", "by-2.json", *key, *policy, "--json")["witnessed"] is True
    alone("receipt", "by-2.json", *key, *policy, code=0)


def test_a_witness_does_not_cosign_a_second_history(run, home):
    shutil.copytree(home / "ws", home / "ws2")
    (home / "a.txt").write_text("one\n", "utf-8")
    (home / "b.txt").write_text("two\n", "utf-8")
    run("audit", "append", "a.txt", "--workspace", "ws")
    run("audit", "append", "b.txt", "--workspace", "ws2")
    run("audit", "request", "--workspace", "ws", "--out", "first")
    run("audit", "witness", "answer", "east", "first", "--out", "yes")
    for old in (0, 5, 6):
        run("audit", "request", "--workspace", "ws2", "--old", old, "--out", "second")
        run("audit", "witness", "answer", "east", "second", "--out", "never", code=1)
    assert not (home / "never").exists()


def test_a_map_that_denies_a_recording_of_the_corpus_is_caught(run, home, root):
    """The provider answers from another map, in which the recording is missing."""
    denied = next(iter(CORPUS))
    (home / "thin").mkdir()
    for name in [one for one in CORPUS if one != denied]:
        shutil.copy(home / "music" / f"{name}.flac", home / "thin")
    (home / "thin.csv").write_text(rights([one for one in CORPUS if one != denied]), "utf-8")
    run("corpus", "seal", "thin", "--rights", "thin.csv", "--training-date", "2025-03-01", "--out", "ws2")
    file = f"music/{denied}.flac"
    asked = (file, "USS1Z9900001", "--no-sketch")
    said = run("presence", "prove", *asked, "--workspace", "ws2", "--out", "lie.proof", "--json")
    assert said["present"] is False
    run("presence", "verify", "lie.proof", "--root", root, "--file", file, code=1)
    alone("presence", "lie.proof", "--root", root, code=1)
    # … and under the published header, or with what the denying map shows put into the true answer
    run("presence", "prove", *asked, "--workspace", "ws", "--out", "truth.proof")
    lie, truth = (_taken_apart(home / name) for name in ("lie.proof", "truth.proof"))
    mixed = replace(truth.exact, buckets=lie.exact.buckets)
    emptied = replace(truth.exact, buckets=tuple(b"" for _ in truth.exact.buckets))
    for changed in (
        replace(lie, header=truth.header),
        replace(truth, exact=mixed),
        replace(truth, exact=emptied),
    ):
        (home / "forged.proof").write_bytes(changed.to_bytes())
        run("presence", "verify", "forged.proof", "--root", root, code=1)
        alone("presence", "forged.proof", "--root", root, code=1)


def test_a_key_entered_under_another_secret_is_caught(run, home, root):
    """Positions computed with a swapped VRF key lie where nothing is; the committed key tells."""
    run("corpus", "seal", "music", "--rights", "rights.csv", "--training-date", "2025-03-01", "--out", "ws2")
    for workspace in ("ws", "ws2"):
        run("presence", "prove", "USS1Z9900002", "--workspace", workspace, "--out", f"{workspace}.proof")
    truth, other = (_taken_apart(home / f"{name}.proof") for name in ("ws", "ws2"))
    assert truth.header.vrf_public != other.header.vrf_public
    swapped = replace(truth, exact=replace(truth.exact, vrf_proofs=other.exact.vrf_proofs))
    rekeyed = replace(truth, header=replace(truth.header, vrf_public=other.header.vrf_public))
    for number, forged in enumerate((swapped, rekeyed, other)):
        (home / f"forged-{number}.proof").write_bytes(forged.to_bytes())
        run("presence", "verify", f"forged-{number}.proof", "--root", root, code=1)
        alone("presence", f"forged-{number}.proof", "--root", root, code=1)


def _taken_apart(path):
    return PresenceProof.from_bytes(path.read_bytes())


def test_a_true_proof_or_receipt_about_something_else_is_refused(run, home, root):
    """Replay: everything holds, only not for what is in question."""
    run("presence", "prove", f"other/{OUTSIDER}.flac", "--workspace", "ws", "--out", "absent.proof")
    mine = f"music/{next(iter(CORPUS))}.flac"
    run("presence", "verify", "absent.proof", "--root", root, "--file", mine, code=1)
    alone("presence", "absent.proof", "--root", root, "--file", mine, code=1)
    run("presence", "verify", "absent.proof", "--root", root, "--key", "USS1Z9900001", code=1)
    key = ("--key", "ws/keys/log.pub")
    run("audit", "verify", "receipt.json", *key, "--subject", "statement-2.txt", code=1)
    alone("receipt", "receipt.json", *key, "--subject", "statement-2.txt", code=1)


def test_a_proof_of_an_earlier_snapshot_is_not_one_of_the_new(run, home, root):
    denied = next(iter(CORPUS))
    run("presence", "prove", "USS1Z9900001", "--workspace", "ws", "--out", "then.proof")
    (home / "music" / f"{denied}.flac").unlink()
    (home / "rights.csv").write_text(rights([one for one in CORPUS if one != denied]), "utf-8")
    run(
        "corpus",
        "snapshot",
        "music",
        "--rights",
        "rights.csv",
        "--workspace",
        "ws",
        "--training-date",
        "2025-09-01",
    )
    snapshots = run("corpus", "snapshots", "--workspace", "ws", "--json")
    first, new = snapshots
    assert first["root"] == root
    assert new["previous_root"] == root
    run("presence", "verify", "then.proof", "--root", root)
    run("presence", "verify", "then.proof", "--root", new["root"], code=1)
    run("presence", "prove", "USS1Z9900001", "--workspace", "ws", "--out", "now.proof")
    assert run("presence", "verify", "now.proof", "--root", new["root"], "--json")["present"] is False
    # the provider cannot drop the recording silently: the chain shows that it was there
    assert len(new["removed"]) == 1


def test_consent_that_came_after_training_never_counts(run, home):
    run("corpus", "seal", "music", "--rights", "rights.csv", "--training-date", "2025-03-01", "--out", "ws2")
    found = run(
        *("corpus", "seal", "music", "--rights", "rights.csv", "--training-date", "2025-03-01"),
        *("--out", "ws2", "--json"),
    )
    late = [gap["item_id"] for gap in found["gaps"] if gap["code"] == "consent-after-training"]
    assert late == ["wansti-theme"]
    assert found["n_without_consent"] >= 1


def test_no_page_says_more_than_the_evidence(run, home):
    """Whatever is published, by the disclosure or by the desk, keeps to the words that evidence can bear."""
    run("disclose", "template", "--out", "provider.toml")
    run("disclose", "ws", "--provider", "provider.toml", "--out", "public")
    (home / "sworn.txt").write_text("I made these recordings.\n", "utf-8")
    opened = run(
        *("requests", "open", "--workspace", "ws", "--requester", "Ada", "--contact", "ada@example.org"),
        *("--statement", "@sworn.txt", "--file", f"music/{next(iter(CORPUS))}.flac", "--json"),
    )
    answer = (
        "requests",
        "answer",
        opened["request_id"],
        "--workspace",
        "ws",
        "--out",
        "answer",
        "--no-listen",
    )
    run(*answer)
    alone("folder", "answer", "--key", "ws/keys/log.pub", code=0)
    pages = [
        *(home / "public").rglob("*.html"),
        *(home / "public").rglob("*.md"),
        home / "answer" / "answer.html",
    ]
    assert len(pages) >= 5
    for page in pages:
        said = page.read_text("utf-8").lower()
        for word in FORBIDDEN:
            assert word not in said, f"{page.name} says '{word}'"
