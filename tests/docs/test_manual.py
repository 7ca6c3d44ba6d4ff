"""The manual names every command, error and setting, and is what the program would write today."""

import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from linernotes import errors
from linernotes.cli.main import COMMANDS
from linernotes.cli.manual import commands, reference, settings

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "docs" / "reference.md"


@pytest.fixture(scope="module")
def manual():
    return MANUAL.read_text(encoding="utf-8")


def test_the_manual_is_up_to_date(manual):
    assert manual == reference(), "docs/reference.md is out of date; run scripts/make-reference"


def test_a_stale_manual_is_noticed(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "docs").mkdir()
    script = tmp_path / "scripts" / "make-reference"
    script.write_text((ROOT / "scripts" / "make-reference").read_text())
    (tmp_path / "docs" / "reference.md").write_text(MANUAL.read_text(encoding="utf-8") + "x\n")
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "out of date; run scripts/make-reference" in done.stderr


def test_every_command_and_option_is_in_the_manual(manual):
    for path, command in commands(COMMANDS):
        assert f"### `{path}`" in manual
        section = manual.split(f"### `{path}`")[1].split("\n### ")[0]
        for parameter in command.params:
            if parameter.name != "help" and parameter.param_type_name == "option":
                assert parameter.opts[0] in section, f"{path}: {parameter.opts}"
                assert parameter.help, f"{path} {parameter.opts[0]} has no help"


def test_every_error_is_in_the_manual_and_in_the_drawn_tree(manual):
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        assert f"| `{name}` | `{kind.__mro__[1].__name__}` | {kind.exit_code} |" in manual
        assert name in errors.__doc__


def test_every_setting_is_in_the_manual(manual):
    found = settings()
    assert len(found) > 5
    for kind in found:
        heading = f"### `{kind.__module__}.{kind.__qualname__}`"
        assert heading in manual
        section = manual.split(heading)[1].split("\n### ")[0]
        for field in dataclasses.fields(kind):
            assert f"| `{field.name}` |" in section


def test_the_architecture_names_every_package_and_layer():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = [path.parent.name for path in (ROOT / "src" / "linernotes").glob("*/__init__.py")]
    for package in packages:
        assert f"`{package}`" in text, f"docs/architecture.md does not say what {package}/ does"
    drawn = re.findall(r"[a-z_]+", text.split("## Layers")[1].split("```")[1])
    layers = re.findall(
        r"[a-z_]+", (ROOT / "pyproject.toml").read_text().split("layers = [")[1].split("]")[0]
    )
    assert set(layers) <= set(drawn)


LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def test_links_in_the_documents_lead_somewhere():
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in LINK.findall(document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.relative_to(ROOT)}: {target}"
