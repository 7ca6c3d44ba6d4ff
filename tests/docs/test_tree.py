"""What may not be in the repository: a machine's paths, unfinished marks, packages that break torch."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKIPPED = {".venv", ".git", "__pycache__", "output", "build", "dist"}
TEXT = {".py", ".md", ".toml", ".txt", ".csv", ".html", ".css", ".js", ".json", ".yml", ".yaml", ".svg", ""}


def files():
    for folder, names, found in os.walk(ROOT):
        names[:] = [
            name for name in names if (name not in SKIPPED and not name.startswith(".")) or name == ".ci"
        ]
        for name in found:
            path = Path(folder) / name
            if path.suffix in TEXT and path != Path(__file__):
                yield path


def lines_with(pattern, *, but=()):
    found = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        name = path.relative_to(ROOT).as_posix()
        if not any(name.startswith(one) for one in but):
            found += [
                f"{name}:{text.count(chr(10), 0, hit.start()) + 1}" for hit in re.finditer(pattern, text)
            ]
    return found


def test_no_file_holds_a_path_of_the_machine_it_was_made_on():
    made_on = r"/(?:work|root|home/[a-z]+|Users/[A-Za-z]+|opt/(?:wheels|pypi))/[A-Za-z0-9_.-]"
    assert lines_with(made_on) == []


def test_nothing_is_left_unfinished():
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK"))
    assert (
        lines_with(rf"\b(?:{marks})\b", but=("src/linernotes/web/static", "src/linernotes/reports/static"))
        == []
    )


def test_constraints_are_names_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines[0].startswith("#")
    for line in lines[1:]:
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]*==[0-9][A-Za-z0-9.]*", line), line
    names = [line.split("==")[0] for line in lines[1:]]
    assert names == sorted(names)
    assert [line for line in lines if line.startswith("torch==")] == ["torch==2.13.0"]


def test_constraints_cover_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["web"], *extras["dev"]]
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    for line in wanted:
        name = re.match(r"[A-Za-z0-9-]+", line)[0].lower()
        assert name == "linernotes" or name in pinned


@pytest.mark.parametrize("name", ["torchvision", "torchaudio", "torchcodec", "librosa", "essentia", "madmom"])
def test_packages_that_break_torch_or_the_licence_are_neither_asked_for_nor_imported(name):
    assert f"\n{name}==" not in (ROOT / "constraints.txt").read_text()
    asked = (ROOT / "pyproject.toml").read_text().split("[project.scripts]")[0]
    assert name not in asked
    assert [one for one in lines_with(rf"(?m)^\s*(?:import|from) {name}\b") if one.startswith("src/")] == []


def test_scripts_are_executable_and_parse():
    scripts = [*(ROOT / "scripts").iterdir(), ROOT / ".ci" / "run"]
    for script in scripts:
        if script.is_file() and script.suffix == "":
            assert os.access(script, os.X_OK), script.name
            first = script.read_text().splitlines()[0]
            if "bash" in first:
                subprocess.run(["bash", "-n", str(script)], check=True)
            else:
                compile(script.read_text(), script.name, "exec")


def test_no_module_is_called_by_a_name_that_says_nothing():
    empty = {"utils", "helpers", "common", "manager", "misc", "tools"}
    named = [path for path in (ROOT / "src").rglob("*.py") if path.stem in empty or path.parent.name in empty]
    assert named == []
