from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run, Workflow
from tflprof.cli.config import CASE, MEASURING, SCHEMA, load_defaults
from tflprof.errors import UsageError

DOCUMENTED = Path(__file__).parents[3] / "docs" / "configuration.md"


def write(text: str, name: str = "tflprof.toml") -> Path:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_means_no_defaults() -> None:
    assert load_defaults(None) == {}


def test_the_documented_example_is_valid_and_complete() -> None:
    found = re.search(r"```toml\n(.*?)```", DOCUMENTED.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    write(found.group(1))
    load_defaults(None)
    example = tomllib.loads(found.group(1))
    assert {table: set(keys) for table, keys in example.items()} == {
        table: set(keys) for table, keys in SCHEMA.items()
    }
    assert set(example["gate"]["case"][0]) == set(CASE) - set(MEASURING)


def test_defaults_reach_the_workflow_and_the_command_line_wins(run: Run, workflow: Workflow) -> None:
    write(
        '[profile]\ntarget = "host"\nthreads = 4\nmax-seconds = 5\nweight-cache = true\nxnnpack-flags = 2\n'
    )
    assert run("profile", "m.tflite", "--threads", "2").exit_code == 0
    call = workflow.calls[0]
    assert (call["target"], call["threads"], call["max_seconds"]) == ("host", 2, 5.0)
    assert (call["weight_cache"], call["xnnpack_flags"]) == (True, 2)


def test_files_are_relative_to_the_configuration(run: Run, workflow: Workflow) -> None:
    path = write(
        '[profile]\nruntime = "lib.so"\n[profile.input]\n"x:0" = "a.raw"\n[profile.input-shape]\nx = [1, 2]\n',
        "sub/my.toml",
    )
    assert run("--config", path, "profile", "m.tflite").exit_code == 0
    call = workflow.calls[0]
    assert call["runtime"] == Path("sub/lib.so")
    assert call["inputs"] == {"x:0": Path("sub/a.raw")}
    assert call["input_shapes"] == {"x": (1, 2)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[profile]\nthread = 1\n", "did you mean 'threads'"),
        ("[profile]\nmax_seconds = 1\n", "did you mean 'max-seconds'"),
        ("[profil]\n", "did you mean 'profile'"),
        ("[profile]\nzzz = 1\n", "known: target"),
        ("[profile]\nthreads = '1'\n", "must be a whole number, not '1'"),
        ("[profile]\nthreads = true\n", "must be a whole number"),
        ("[profile]\nweight-cache = 1\n", "must be true or false"),
        ("[profile]\ninput-shape = {x = [1, 'a']}\n", "lists of whole numbers"),
        ("profile = 3\n", "must be a table"),
        ("[profile\n", "not valid TOML"),
    ],
)
def test_mistakes_are_usage_errors_that_suggest(run: Run, workflow: Workflow, text: str, said: str) -> None:
    write(text)
    result = run("profile", "m.tflite")
    assert result.exit_code == 2
    assert said in result.stderr
    assert workflow.calls == []


def test_values_out_of_range_are_usage_errors(run: Run, workflow: Workflow) -> None:
    write("[profile]\nthreads = 0\n")
    assert run("profile", "m.tflite").exit_code == 2
    assert workflow.calls == []


def test_a_named_configuration_must_exist() -> None:
    with pytest.raises(UsageError, match="cannot read the configuration"):
        load_defaults(Path("none.toml"))


def test_not_utf8(run: Run) -> None:
    Path("tflprof.toml").write_bytes(b"\xff\xfe")
    assert run("targets").exit_code == 2


def test_every_key_is_an_option(run: Run) -> None:
    for verb, keys in SCHEMA.items():
        if verb == "runtimes":
            continue  # its verbs below have the options: test_runtimes.py
        text: Any = run(verb, "--help").stdout
        for key in set(keys) - {"case"}:
            assert f"--{key}" in text
