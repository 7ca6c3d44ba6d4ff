"""The program as a whole: exit codes, where words go, what is imported."""

import json
import os
import signal
import subprocess
import sys
import time
import types

import pytest

from linernotes import errors
from linernotes.cli.groups import Entry
from linernotes.cli.main import COMMANDS, app, main

START = [sys.executable, "-m", "linernotes"]


@pytest.fixture
def command(monkeypatch):
    """Register one more command whose body the test gives."""

    def register(body):
        module = types.ModuleType("a_command_for_tests")
        module.boom = body
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(app.info.cls.table, "boom", Entry("boom", module.__name__, "boom", "For tests."))

    return register


def raising(error):
    def body() -> None:
        raise error

    return body


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.InputError, 3),
        (errors.VerificationError, 1),
        (errors.PolicyRefusal, 1),
        (errors.MissingExtra, 4),
    ],
)
def test_an_error_is_one_line_and_its_own_exit_code(command, capsys, kind, code):
    command(raising(kind("beat.wav: 0 samples;\nexpected audio")))
    assert main(["boom"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: beat.wav: 0 samples; expected audio\n"


def test_with_json_the_error_is_an_object_too_and_stdout_stays_empty(command, capsys):
    def body(as_json: bool = False) -> None:
        raise errors.NewerRevision("revision 9")

    body.__annotations__ = {
        "as_json": __import__("typing").Annotated[bool, __import__("typer").Option("--json")]
    }
    command(body)
    assert main(["boom", "--json"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    line, object_line = err.splitlines()
    assert line == "error: revision 9"
    assert json.loads(object_line) == {"error": {"kind": "NewerRevision", "message": "revision 9"}}


def test_an_unexpected_exception_is_called_a_defect(command, capsys):
    command(raising(ZeroDivisionError("division by zero")))
    assert main(["boom"]) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "this is a defect in Linernotes, not in your data (ZeroDivisionError: division by zero)" in err


@pytest.mark.parametrize("words", [["--debug", "boom"], ["boom", "--debug"]])
def test_debug_shows_the_traceback(command, words):
    command(raising(errors.InputError("beat.wav")))
    with pytest.raises(errors.InputError, match=r"beat\.wav"):
        main(words)


def test_a_missing_optional_package_is_named(command, capsys):
    command(raising(ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")))
    assert main(["boom"]) == 4
    assert "run: pip install 'linernotes[web]'" in capsys.readouterr().err
    command(raising(ModuleNotFoundError("No module named 'linernotes.lost'", name="linernotes.lost")))
    assert main(["boom"]) == 70


def test_an_interrupt_says_how_to_go_on(command, capsys):
    command(raising(KeyboardInterrupt()))
    assert main(["boom"]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert "repeat the same command" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["identfy"], "no such command 'identfy'; did you mean 'identify'?"),
        (["zzz"], "no such command 'zzz'; expected one of demo, corpus"),
        (["version", "--loud"], "--loud"),
        (["rerun"], "RUN_FOLDER"),
        (["corpus", "sael"], "sael"),
        (["corpus"], "Usage: linernotes corpus"),
    ],
)
def test_wrong_usage_is_code_2(words, reason, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert reason in err


def test_exit_codes_of_commands_pass_through(command, capsys):
    import typer

    command(raising(typer.Exit(1)))
    assert main(["boom"]) == 1
    assert capsys.readouterr() == ("", "")


def test_json_is_alone_on_stdout(capsys):
    assert main(["version", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out)["libraries"]["torch"]


def test_no_words_show_the_help_and_it_names_every_command(capsys):
    assert main([]) == 0
    out, _ = capsys.readouterr()
    for entry in COMMANDS:
        assert f"  {entry.name} " in out
        assert entry.help in out


HEAVY = ("torch", "numba", "sqlalchemy", "matplotlib", "fastapi", "scipy", "numpy", "av", "rich")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["nonsense"]])
def test_starting_imports_nothing_heavy(words):
    program = (
        "import sys; from linernotes.cli.main import main; main(sys.argv[1:]);"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_listing_a_command_s_help_does_not_import_torch():
    program = (
        "import sys; from linernotes.cli.main import COMMANDS, main\n"
        "for entry in COMMANDS:\n    assert main([entry.name, '--help']) == 0, entry\n"
        "heavy = ('torch', 'numba', 'sqlalchemy', 'matplotlib')\n"
        "print('HEAVY', [name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "HEAVY []"


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_command_exists_and_its_help_ends_with_an_example(entry):
    from linernotes.cli.manual import commands

    for path, one in commands([entry]):
        if not hasattr(one, "commands"):
            last = (one.epilog or one.help or " ").strip().splitlines()[-1]
            assert f"{path} " in f"{last} ", f"{path} --help must end with an example line, not {last!r}"


def test_the_installed_program_runs_and_a_closed_pipe_is_no_error():
    done = subprocess.run([*START, "version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("linernotes ")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*START, "--help"], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert "Traceback" not in done.stderr


def test_a_real_interrupt_ends_with_130(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, types, time\n"
        "def boom() -> None:\n"
        "    open(sys.argv[0] and 'started', 'w').close()\n"
        "    time.sleep(60)\n"
        "module = types.ModuleType('a_slow_command'); module.boom = boom\n"
        "sys.modules['a_slow_command'] = module\n"
    )
    program = (
        "from linernotes.cli import main as program; from linernotes.cli.groups import Entry; import sys\n"
        "program.app.info.cls.table['boom'] = Entry('boom', 'a_slow_command', 'boom', 'Sleeps.')\n"
        "sys.exit(program.main(['boom']))"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    for _ in range(1000):
        if (tmp_path / "started").exists():
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert err.startswith("error: interrupted; repeat the same command")
