"""isobench report: real results in a real browser, as people will look at them."""

import json
import subprocess

import pytest

from kit.browser import Browser
from kit.known_server import KnownServer, stream
from kit.load import Load
from kit.look import objections
from kit.process import BUILD

ISOBENCH = BUILD / "bench" / "isobench"
# width, dark, what it is shown on
VIEWS = {"light": (1280, False, "screen"), "dark": (1280, True, "screen"), "narrow": (390, False, "screen"),
         "narrow dark": (390, True, "screen"), "small": (320, False, "screen"), "tablet": (820, False, "screen"),
         "print": (760, True, "print")}


def isobench(*arguments, expected_exit=0):
    ran = subprocess.run([str(ISOBENCH), *map(str, arguments)], capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == expected_exit, ran.stderr
    return ran


@pytest.fixture(scope="module")
def browser():
    with Browser() as one:
        yield one


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def simulated(folder):
    """Three policies at three loads."""
    file = folder / "simulated.json"
    file.write_text(isobench("simulate", "--policy", "least_latency,prequal,nearest", "--load", "0.5,0.8,1", "--no-regret",
                             "--independent", "--warm-up", "10s", "--measure", "40s", "--json").stdout)
    return file


@pytest.fixture(scope="module")
def measured(folder):
    """One run of load at each of two rates."""
    files = []
    with KnownServer(lambda seen: stream(first_s=0.02 + seen.number * 13 % 90 / 1000, gap_s=0.01, events=4)) as server:
        for rate in (30, 60):
            run = Load(folder, "--url", server.url, "--rate", rate, "--duration", "3s", "--place", "Shanghai=127.0.1.1",
                       "--place", "Virginia=127.0.6.1")
            assert run.wait(60) == 0, run.errors()
            files.append(f"known={run.json_file}")
    return files


@pytest.fixture(scope="module")
def replayed(folder):
    file = folder / "replayed.json"
    group = {"decisions": 500, "changed": 60, "predicted_ttft_ms_then": 120, "predicted_ttft_ms_now": 99.5, "late_then": 3, "late_now": 0}
    file.write_text(json.dumps({
        "policy": "nearest", "decisions": 1000, "identical": 0, "changed": 120, "predicted_ttft_ms_of_changed": -31.5,
        "predicted_ttft_ms_of_all": -3.8, "predicted_ttft_ms": {"then": {"p99": 800}, "now": {"p99": 650}}, "late_then": 6, "late_now": 1,
        "clusters": {"shanghai": {"then": 600, "now": 520}, "hohhot": {"then": 400, "now": 480}},
        "moves": [{"from": "shanghai", "to": "hohhot", "decisions": 110, "predicted_ttft_ms": -40},
                  {"from": "shanghai", "to": None, "decisions": 10, "predicted_ttft_ms": None}],
        "by_class": {"interactive": group, "flex": group}, "by_tenant": {"-": group}, "by_place": {"CN 31,121": group, "DE 50,8": group}}))
    return file


@pytest.fixture(scope="module")
def whole(folder, simulated, measured, replayed):
    """A report of everything at once."""
    file = folder / "whole.html"
    isobench("report", simulated, *measured, replayed, "-o", file)
    return file


@pytest.fixture(scope="module")
def crowded(folder):
    """As many runs as there may be, with hostile and endless names, and a thousand clusters in one province."""
    clusters = [f"cluster-{i:04d}" for i in range(1000)]
    names = ["</text><script>alert(1)</script>", '"><img src=http://127.0.0.1:9/x onerror=alert(1)>', "W" * 300, "\u4e0a\u6d77" * 30, "a\u202eb"]
    lines = []
    for run in range(24):
        for load in (0.5, 0.75, 1):
            lines.append(json.dumps({
                "policy": f"{run} {names[run % len(names)]}", "load": load, "seed": 1, "scenario": "<b>crowd</b>", "slo_ms": 1000,
                "requests": 100000, "failed": run, "unfinished": 0, "under_slo": 1 - run / 25,
                "ttft_ms": {"mean": 100, "p50": 80 + run, "p95": 300, "p99": None if run == 23 else 500 * (1 + run * load)},
                "share": {name: 0.001 for name in clusters}, "utilisation": {name: 0.5 for name in clusters},
                "clusters": [{"name": name, "latitude": 30 + i % 32 / 20, "longitude": 120 + i // 32 / 20} for i, name in enumerate(clusters)],
                "places": [{"name": one, "latitude": 31, "longitude": 121 + i / 10, "sent": {name: 1 for name in clusters[:50]}}
                           for i, one in enumerate(names)],
                "series": {"step_s": 10, "requests": [10] * 30, "ttft_ms": {"p50": [50] * 30, "p99": [500 + run] * 30},
                           "utilisation": {name: [0.5] * 30 for name in clusters[:20]}}}))
    data, file = folder / "crowded.json", folder / "crowded.html"
    data.write_text("\n".join(lines))
    isobench("report", data, "-o", file, "--title", "<script>alert(1)</script> & everything")
    return file


def look_at(browser, file, view):
    width, dark, media = VIEWS[view]
    page = browser.page(width=width, dark=dark, media=media).open(file)
    assert page.requests() == [file.resolve().as_uri()], "nothing is fetched"
    assert page.complaints() == []
    assert page.run("document.scripts.length") == 0
    seen = objections(page)
    page.close()
    assert seen == []


@pytest.mark.parametrize("view", VIEWS)
def test_it_is_good_to_look_at(browser, whole, view):
    look_at(browser, whole, view)


@pytest.mark.parametrize("view", ["light", "dark", "narrow"])
def test_also_when_it_is_crowded(browser, crowded, view):
    look_at(browser, crowded, view)


def test_foreign_names_are_text(browser, crowded):
    page = browser.page().open(crowded)
    assert page.run("document.querySelector('h1').textContent") == "<script>alert(1)</script> & everything"
    assert page.run("document.querySelectorAll('img, script, iframe, object').length") == 0
    assert page.run("[...document.querySelectorAll('*')].every(node => [...node.attributes].every(one => !one.name.startsWith('on')))")
    page.close()


def test_what_is_on_it(browser, whole):
    page = browser.page().open(whole)
    headings = page.run("[...document.querySelectorAll('h2')].map(one => one.textContent)")
    assert headings == ["Over load, measured", "Over load, simulated", "Percentiles, measured", "Percentiles, simulated",
                        "Over time, measured", "Over time, simulated", "Where traffic went, measured", "Where traffic went, simulated",
                        "Recorded decisions, made again", "Every figure, measured", "Every figure, simulated"]
    names = page.run("[...document.querySelectorAll('.row .name > span')].map(one => one.firstChild.data)")
    assert names == ["known", "least_latency", "prequal", "nearest", "nearest"]
    assert page.run("[...document.querySelectorAll('svg.map')].filter(one => one.getClientRects().length).length") == 3
    assert page.run("document.querySelectorAll('figure title').length") > 100, "a pointer is told values"
    page.close()


def test_for_whom_decisions_would_change(browser, whole):
    page = browser.page().open(whole)
    tables = page.run("""[...document.querySelectorAll('#decisions-replayed table')].map(table =>
        [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent.replace(/\\u00a0/g, ' ')).join('|')))""")
    assert tables[0][0] == "nearest|class interactive|500|12 %|120 ms|99.5 ms|\u221220.5 ms|3|0"
    assert len(tables[0]) == 4, "one tenant says nothing new"
    assert tables[1] == ["nearest|shanghai|hohhot|110|\u221240 ms", "nearest|shanghai|nobody|10|\u2013"]
    page.close()


def test_figures_are_those_of_the_files(browser, whole, simulated):
    first = json.loads(simulated.read_text().splitlines()[0])
    page = browser.page().open(whole)
    row = page.run("[...document.querySelector('#figures-simulated tbody tr').children].map(one => one.textContent)")
    assert row[:3] == ["least_latency", "0.5", f"{first['requests']:,}"]
    assert f"{first['ttft_ms']['p50']:.3g}\u00a0ms" in row
    page.close()


def test_tables_scroll_inside_themselves(browser, whole):
    page = browser.page(width=390).open(whole)
    wide = page.run("[...document.querySelectorAll('.scroll')].map(one => one.scrollWidth > one.clientWidth)")
    assert any(wide)
    page.close()


def test_pointing_at_a_run_shows_it_everywhere(browser, whole):
    page = browser.page().open(whole)
    spot = page.run("(box => [box.x + 20, box.y + 20])(document.querySelectorAll('.row.r1')[0].getBoundingClientRect())")
    faded = "[...document.querySelectorAll('.run.r2')].map(one => getComputedStyle(one).opacity)"
    page.run("document.head.insertAdjacentHTML('beforeend', '<style>.run{transition:none!important}</style>')")
    assert set(page.run(faded)) == {"1"}
    page.ask("Input.dispatchMouseEvent", type="mouseMoved", x=spot[0], y=spot[1])
    assert max(map(float, page.run(faded))) < 0.5
    assert set(page.run(faded.replace("r2", "r1"))) == {"1"}
    page.close()


def test_the_map_knows_places_by_their_names(folder, measured):
    told = isobench("report", *measured, "-o", "-").stdout
    assert "--scenario does." in told
    shown = isobench("report", *measured, "--scenario", "global", "-o", "-").stdout
    assert "--scenario does." in shown, "the cluster is in no scenario"


def test_what_it_refuses(folder, simulated):
    wrong = folder / "wrong.json"
    wrong.write_text('{"policy": "a", "load": 1}\n{"policy": \n')
    for arguments, sentence in [
            ([simulated], "expected -o FILE.html, found no -o"),
            (["-o", folder / "x.html"], "expected at least one RUN.json, found none"),
            ([folder / "absent.json", "-o", folder / "x.html"], "absent.json: No such file or directory"),
            ([wrong, "-o", folder / "x.html"], "wrong: line 2: "),
            ([simulated, "-o", folder / "absent" / "x.html"], "x.html: No such file or directory"),
            ([simulated, "-o", folder / "x.html", "--promise", "soon"], "--promise: expected a duration such as 800ms or 2s")]:
        assert sentence in isobench("report", *arguments, expected_exit=2).stderr
    assert not (folder / "x.html").exists()


def test_the_same_files_make_the_same_page(simulated):
    assert isobench("report", simulated, "-o", "-").stdout == isobench("report", simulated, "-o", "-").stdout
