"""What a report's page must do in a browser, whatever its width and light.

No error in the console, no request, nothing cut, no box over another, figures no wider than the
screen; tables sort, filter and fold, figures say their values, the switch turns the light.
"""

import json
import sys
import time
from base64 import b64decode
from pathlib import Path
from typing import Any

from selenium import webdriver

__all__ = ["WIDTHS", "check_page"]

WIDTHS = (1280, 400)

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_LIGHT = "return getComputedStyle(document.body).backgroundColor"


def check_page(chrome: webdriver.Chrome, page: Path, pictures: Path) -> str:
    """Check one page in both widths and both lights; what was seen, or exit with what was wrong."""
    where = page.resolve().as_uri()
    name = page.resolve().parent.parent.name
    told = ""
    for width in WIDTHS:
        for light in ("light", "dark"):
            _emulate(chrome, width, light)
            chrome.get(where)
            _sane(chrome, f"{name} at {width}, {light}", where)
            _picture(chrome, width, pictures / f"{name}-{width}-{light}.png")
            told = _works(chrome, f"{name} at {width}, {light}")
    return f"{name}: {told}"


def _ask(chrome: webdriver.Chrome, what: str) -> Any:
    return chrome.execute_script(f"{_SCRIPT}\nreturn {what}()")


def _emulate(chrome: webdriver.Chrome, width: int, light: str) -> None:
    chrome.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    chrome.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": light}]},
    )
    # What was asked and complained of until here is of another page.
    chrome.get("about:blank")
    for kind in ("performance", "browser"):
        chrome.get_log(kind)


def _sane(chrome: webdriver.Chrome, name: str, where: str) -> None:
    """Nothing cut, over another, asked for or complained of."""
    time.sleep(0.3)
    bad: list[str] = _ask(chrome, "boxes")
    errors = [e["message"] for e in chrome.get_log("browser") if e["level"] == "SEVERE"]
    asked = _requests(chrome, where)
    if bad or errors or asked:
        sys.exit(f"browser check: {name}: " + "; ".join([*bad, *errors, *asked]))


def _requests(chrome: webdriver.Chrome, where: str) -> list[str]:
    found = []
    for entry in chrome.get_log("performance"):
        message: dict[str, Any] = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = str(message["params"]["request"]["url"])
            if not url.startswith(("data:", where)):
                found.append(f"asks for {url}")
    return found


def _works(chrome: webdriver.Chrome, name: str) -> str:
    bad, ordered, filtered, folded = _ask(chrome, "tables")
    said, plates = _ask(chrome, "hover")
    if said < plates:
        bad.append(f"{plates - said} of {plates} figures do not say their values")
    before = chrome.execute_script(_LIGHT)
    chrome.execute_script("document.getElementById('theme').click()")
    if chrome.execute_script(_LIGHT) == before:
        bad.append("the switch does not turn the light")
    chrome.execute_script("try { localStorage.clear() } catch {}")
    if not ordered or not filtered or not plates:
        bad.append(f"{ordered} columns sorted, {filtered} tables filtered, {plates} figures said")
    if bad:
        sys.exit(f"browser check: {name}: " + "; ".join(bad))
    return (
        f"{ordered} sortings, {filtered} tables filtered, {folded} unfolded, {plates} figures "
        "say their values"
    )


def _picture(chrome: webdriver.Chrome, width: int, path: Path) -> None:
    height = min(16000, int(chrome.execute_script("return document.scrollingElement.scrollHeight")))
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    data = chrome.execute_cdp_cmd(
        "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip}
    )["data"]
    path.write_bytes(b64decode(data))
