"""Python, its packages, the built programs, the inference library."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path
from types import ModuleType

from tflprof.errors import EnvironmentFault, TflprofError
from tflprof.runner.binary import counter_plugin, runner_binary
from tflprof.runtimes.identify import api_name, library_api
from tflprof.runtimes.library import find_runtime, host_platform
from tflprof.workflow.checkup.check import Check, failed, pip

_ANDROID = ("android-aarch64", "android-armv7", "android-x86_64")
_LOAD = "import ctypes, sys; print(hasattr(ctypes.CDLL(sys.argv[1]), sys.argv[2]))"
_LOAD_SECONDS = 60
_MARKS = {"litert": "LiteRtCreateEnvironment", "tflite": "TfLiteModelCreateFromFile"}


def check_python() -> Check:
    """Python's version against what the package declares."""
    found = ".".join(map(str, sys.version_info[:3]))
    wanted = metadata.metadata("tflprof")["Requires-Python"] or ""
    if satisfies(found, wanted):
        return Check("Python", "ok", f"{found}, {wanted} is needed")
    return Check(
        "Python", "missing", f"{found}, {wanted} is needed", f"install Python {wanted} and tflprof in it"
    )


def check_packages() -> Check:
    """The packages tflprof needs, and their versions, against the declared bounds."""
    wanted = dict(_requirements())
    wrong = {
        name: found for name, bounds in wanted.items() if not satisfies(found := _version(name) or "", bounds)
    }
    if not wrong:
        litert = _version("ai-edge-litert")
        return Check("packages", "ok", f"all {len(wanted)} fit, ai-edge-litert {litert} among them")
    told = ", ".join(
        f"{name} {found or 'is missing'} ({wanted[name]} is needed)" for name, found in wrong.items()
    )
    return Check("packages", "missing", told, pip(*(f"{name}{wanted[name]}" for name in wrong)))


def _requirements() -> Iterator[tuple[str, str]]:
    for line in metadata.requires("tflprof") or []:
        requirement, _, marker = line.partition(";")
        found = re.match(r"([\w.-]+)\s*\(?([^)]*)\)?", requirement.strip())
        if found and "extra" not in marker:
            yield found[1], found[2].replace(" ", "")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def satisfies(version: str, bounds: str) -> bool:
    """Whether a version is within bounds such as ``>=2.3,<2.4``; what follows its numbers does not count."""
    if not version:
        return False
    for bound in filter(None, bounds.split(",")):
        found = re.fullmatch(r"(>=|<=|==|!=|<|>|~=)(.+?)(?:\.\*)?", bound.strip())
        if found is None:
            continue
        has, limit = _numbers(version), _numbers(found[2])
        width = max(len(has), len(limit))
        one, other = has + (0,) * (width - len(has)), limit + (0,) * (width - len(limit))
        fits = {
            ">=": one >= other,
            "<=": one <= other,
            ">": one > other,
            "<": one < other,
            "==": (has[: len(limit)] if bound.endswith(".*") else one)
            == (limit if bound.endswith(".*") else other),
            "!=": one != other,
            "~=": one >= other and has[: len(limit) - 1] == limit[:-1],
        }
        if not fits[found[1]]:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def check_binaries() -> Check:
    """The programs that the package carries: there, sound, and for this machine, emulated cores and phones."""
    here = host_platform()
    wrong: list[str] = []
    for platform in (here, "linux-aarch64", *_ANDROID):
        try:
            build = runner_binary(platform).build
        except EnvironmentFault as error:
            wrong.append(error.what)
    for api in (1, 2):
        try:
            counter_plugin(api)
        except EnvironmentFault as error:
            wrong.append(error.what)
    sources = _build_script()
    remedy = f"{sys.executable} {sources}" if sources else pip("--force-reinstall", "--no-deps", "tflprof")
    if wrong:
        return Check("runner", "missing", "; ".join(dict.fromkeys(wrong)), remedy)
    if sources is not None and (newer := _build_of(sources)) != build:
        told = f"build {build}, the sources beside it are {newer or 'unreadable'}"
        return Check("runner", "limited", told, remedy)
    return Check(
        "runner", "ok", f"build {build}, for {here}, linux-aarch64 and Android; counter plugins for QEMU"
    )


def _build_script() -> Path | None:
    """The script that builds the programs, in a checkout of the project; None elsewhere."""
    path = Path(str(resources.files("tflprof"))).parent / "android_runner" / "build.py"
    return path if path.is_file() else None


def _build_of(script: Path) -> str | None:
    """The build that the sources would give, with the compiler that was used; None if it cannot be told."""
    import json

    try:
        used = json.loads(
            (Path(str(resources.files("tflprof.runner"))) / "bin" / "build.json").read_text("utf-8")
        )
        build_id = _module(script).build_id
        return str(build_id(used["zig"]))
    except (OSError, ValueError, KeyError, AttributeError, ImportError, SyntaxError):
        return None


def _module(script: Path) -> ModuleType:
    name = "tflprof_android_runner_build"
    spec = importlib.util.spec_from_file_location(name, script)
    if spec is None or spec.loader is None:
        raise ImportError(str(script))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_library() -> Check:
    """The inference library of this machine: which, and whether it loads with its interface."""
    name = "LiteRT"
    try:
        found = find_runtime(host_platform())
    except TflprofError as error:
        return failed(name, error)
    api = library_api(found.path)
    told = f"{found.name} {found.version or 'of unknown version'}, {found.platform}"
    if api is None:
        return Check(name, "missing", f"{found.path} exports no interface that the runner knows", _litert())
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(found.path), _MARKS[api]],
        capture_output=True,
        text=True,
        timeout=_LOAD_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode or done.stdout.strip() != "True":
        said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        return Check(name, "missing", f"{told} cannot be loaded: {said}", _litert())
    return Check(name, "ok", f"{told}, loads, interface of {api_name(api)}")


def _litert() -> str:
    bounds = dict(_requirements()).get("ai-edge-litert", "")
    return pip("--force-reinstall", "--no-deps", f"ai-edge-litert{bounds}")
