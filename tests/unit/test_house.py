"""The house rules that no tool checks for us: sizes, who may print or exit, what files may say."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_FILE_LINES = 400
MAX_BODY_LINES = 50
MAX_MEDIAN_BODY_LINES = 10

Function = ast.FunctionDef | ast.AsyncFunctionDef


def git_files(*options: str) -> list[str]:
    """Names of files under version control, relative to the root."""
    command = ["git", "ls-files", "-z", *options]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listing.split("\0") if name]


def tracked() -> list[Path]:
    """Files under version control, as far as they exist."""
    names = git_files()
    assert names, "git lists no file"
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def sources(*suffixes: str) -> list[Path]:
    return [path for path in tracked() if path.suffix in suffixes]


def trees(*rooms: str) -> Iterator[tuple[Path, ast.Module]]:
    """Parsed Python files below the given folders, all of them when none is given."""
    for path in sources(".py"):
        if not rooms or path.relative_to(ROOT).parts[0] in rooms:
            yield path, ast.parse(path.read_text(encoding="utf-8"), str(path))


def body_lines(function: Function) -> int:
    """Lines of the body; the signature of a command is a list of options and does not count."""
    return (function.end_lineno or 0) - function.body[0].lineno + 1


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def test_no_file_is_too_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources(".py", ".c", ".h", ".sh")
    }
    assert lengths
    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{where(path, node)} {node.name}": body_lines(node)
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, Function)
    }
    assert {name: n for name, n in lengths.items() if n > MAX_BODY_LINES} == {}


def test_most_functions_are_short() -> None:
    lengths = [
        body_lines(node)
        for _, tree in trees("tflprof")
        for node in ast.walk(tree)
        if isinstance(node, Function)
    ]
    assert statistics.median(lengths) <= MAX_MEDIAN_BODY_LINES


def called(node: ast.AST) -> str:
    """``print`` of ``print(x)``, ``sys.exit`` of ``sys.exit(1)``, empty for what is no plain call."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def test_only_the_command_line_prints_or_exits() -> None:
    ends = {"print", "exit", "quit", "sys.exit", "os._exit", "os.abort", "SystemExit", "typer.Exit"}
    offenders = [
        f"{where(path, node)} {called(node)}"
        for path, tree in trees("tflprof")
        if "cli" not in path.relative_to(ROOT).parts
        for node in ast.walk(tree)
        if called(node) in ends
    ]
    assert offenders == []


def test_nothing_goes_through_a_shell() -> None:
    shells = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
    offenders = [
        where(path, node)
        for path, tree in trees()
        for node in ast.walk(tree)
        if called(node) in shells
        or (isinstance(node, ast.keyword) and node.arg == "shell" and ast.unparse(node.value) != "False")
    ]
    assert offenders == []


def test_no_drawer_for_odds_and_ends() -> None:
    odd = {"utils", "util", "helpers", "misc", "common"}
    assert [str(path) for path, _ in trees("tflprof") if path.stem in odd or path.parent.name in odd] == []


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"(?<![\w./~$}-])/(?:work|root|home|Users)/", id="a path of somebody's machine"),
        pytest.param(r"--(?:extra-)?index-url|--find-links|--trusted-host", id="a package index"),
    ],
)
def test_the_project_speaks_of_itself_alone(pattern: str) -> None:
    offenders = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a binary file
        if path != Path(__file__).resolve() and re.search(pattern, text):
            offenders.append(str(path.relative_to(ROOT)))
    assert offenders == []


def test_nothing_under_version_control_is_ignored() -> None:
    """The linters and the packaging tool skip what .gitignore names."""
    assert git_files("--cached", "--ignored", "--exclude-standard") == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-tensorflow.lock"])
def test_the_lock_names_versions_and_hashes_only(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    requirements = re.findall(r"^[a-z].*?(?=^[a-z]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(requirements) > 20
    for requirement in requirements:
        assert re.match(r"[a-z0-9-]+==[\w.]+ \\\n    --hash=sha256:[0-9a-f]{64}\b", requirement)


def test_tensorflow_adds_to_what_is_locked_and_changes_nothing() -> None:
    plain, more = (
        set(re.findall(r"^[a-z0-9-]+==\S+", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))
        for lock in ("requirements.lock", "requirements-tensorflow.lock")
    )
    assert plain < more
    assert any(name.startswith("tensorflow==") for name in more - plain)


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata.version("tflprof") == project["version"]
    assert project["version"] in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_type_checker_sees_all_code_but_the_tests() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert set(tools["mypy"]["files"]) == {
        "tflprof",
        "benchmarks",
        "examples",
        "android_runner/build.py",
        "hatch_build.py",
    }
    assert "files" not in tools["hatch"]["build"].get("targets", {}).get("wheel", {}), "no option of hatch"
