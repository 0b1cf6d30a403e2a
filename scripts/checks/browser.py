"""Look at a log of blocks in `inspect view`, and at the report, in a real browser.

Needs Chromium and ChromeDriver on the path. Checked: a sample of a block shows every question and
answer, numbered, and the table of outcomes; the sample list has a line a question, says that
there are more answers, and has the rating as a number; reports are checked as `pages` says,
and their links to logs lead there. Pictures go to the folder given.
"""

import argparse
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from urllib.parse import quote, unquote

import httpx
import inspect_ai
from inspect_ai.log import EvalLog
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from scripts.checks.pages import check_page

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--window-size=1300,1800",
)  # fmt: skip


@contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """A headless Chromium with an empty profile."""
    chromium, driver = which("chromium"), which("chromedriver")
    if chromium is None or driver is None:
        sys.exit("browser check: chromium and chromedriver are not on the path")
    options = Options()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "SEVERE", "performance": "ALL"})
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        chrome = webdriver.Chrome(options, Service(driver))
        try:
            yield chrome
        finally:
            chrome.quit()


@contextmanager
def viewer(folder: Path) -> Iterator[str]:
    """`inspect view` over a folder; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).parent / "inspect", "view", "start", "--log-dir", folder]
    process = subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(100):
            try:
                httpx.get(address)
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


def text_when(chrome: webdriver.Chrome, address: str, wanted: list[str], picture: Path) -> str:
    """The page's text once it holds all that is wanted, scrolled through; what is missing exits."""
    chrome.get(address)
    seen = ""
    for _ in range(60):
        time.sleep(0.5)
        text = chrome.execute_script("return document.body.innerText")
        seen += text if text not in seen else ""
        if all(part in seen for part in wanted):
            chrome.save_screenshot(str(picture))
            return seen
        chrome.execute_script(
            "for (const e of document.querySelectorAll('*'))"
            " if (e.scrollHeight > e.clientHeight + 50) e.scrollTop += 700"
        )
    chrome.save_screenshot(str(picture))
    missing = [part for part in wanted if part not in seen]
    sys.exit(f"browser check: {address} does not show {missing}; see {picture}")


def block_log(folder: Path, task: str, model: str, **options: object) -> EvalLog:
    """A run in blocks of 25."""
    [log] = inspect_ai.eval(
        str(ROOT / "evals" / task),
        model=model,
        task_args={"block": 25, **options},
        log_dir=str(folder),
        display="none",
    )
    return log


def look_at_block(chrome: webdriver.Chrome, folder: Path, pictures: Path) -> None:
    """A sample of a block of pairs, its messages and its scores."""
    log = block_log(folder, "pairwise.py@pairwise", "sim/rambler", pairs="regular:3", per_origin=10)
    assert log.samples
    sample = log.samples[0]
    file = Path(log.location).name
    with viewer(folder) as address:
        page = f"{address}/#/logs/{file}/samples/sample/{quote(str(sample.id))}/1"
        questions = ["Question 1 of 50", "Question 25 of 50", "Question 50 of 50"]
        text_when(chrome, f"{page}/messages", questions, pictures / "messages.png")
        table = ["outcome", "exact label", "invalid"]
        text_when(chrome, f"{page}/scoring", table, pictures / "scoring.png")


def look_at_list(chrome: webdriver.Chrome, folder: Path, pictures: Path) -> None:
    """The sample lists of ratings and of choices."""
    rated = block_log(folder, "anchored.py@anchored_1_5", "sim/faithful")
    chosen = block_log(folder, "pairwise.py@pairwise", "sim/faithful", pairs="regular:3")
    with viewer(folder) as address:
        for log, count, value in ((rated, 25, "mean_rating"), (chosen, 50, "first_choice_rate")):
            assert log.samples
            name = log.eval.task
            wanted = [f"10 of {count}: "]
            for sample in log.samples[:6]:
                first, second = str(sample.input).splitlines()[:2]
                # A line that is joined to the one before it has no line feed in front.
                wanted += [first.partition(": ")[0], "\n" + second.partition(": ")[0]]
                [score] = (sample.scores or {}).values()
                assert isinstance(score.value, dict)
                wanted.append(f"\n{round(float(score.value[value]), 2):g}\n")
            page = f"{address}/#/logs/{Path(log.location).name}/samples"
            text = text_when(chrome, page, wanted, pictures / f"list-{name}.png")
            if '{"' in text:
                sys.exit(f"browser check: {page} shows an object where a number is")


def follow_links(chrome: webdriver.Chrome, report: Path, pictures: Path) -> None:
    """The first and the last link to a log, in the viewer that the page says to start."""
    page = report.read_text(encoding="utf-8")
    links = re.findall(r'"http://127\.0\.0\.1:7575(/#/logs/[^"]+)"', page)
    folder = re.search(r"inspect view start --log-dir ([^<]+)</p>", page)
    if not links or folder is None:
        sys.exit(f"browser check: {report} has no link to a log")
    with viewer(Path(folder[1])) as address:
        for link in (links[0], links[-1]):
            name = unquote(link.rpartition("/")[2])
            text_when(chrome, address + link, [name, "sim/"], pictures / "linked.png")
        chrome.get("about:blank")  # what the viewer still loads ends before the viewer does


def main() -> None:
    """Run the checks and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, default=Path("logs/browser"))
    parser.add_argument(
        "--report", type=Path, action="append", default=[], help="an index.html to check as well"
    )
    parser.add_argument("--only-reports", action="store_true", help="not the viewer of logs")
    arguments = parser.parse_args()
    arguments.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, browser() as chrome:
        if not arguments.only_reports:
            look_at_block(chrome, Path(name), arguments.pictures)
            look_at_list(chrome, Path(name), arguments.pictures)
        for report in arguments.report:
            print(f"browser check: {check_page(chrome, report, arguments.pictures)}", flush=True)
            follow_links(chrome, report, arguments.pictures)
    print(f"browser check: all as it should be; pictures in {arguments.pictures}")


if __name__ == "__main__":
    main()
