"""Who may ask: the names a request may come by, the pages it may come from, its key, its form.

Without a key the server is bound to loopback, where every web page that a browser shows can reach
it too: by a name of the page's own that resolves to 127.0.0.1 (told by `Host`), or by a request
across origins (told by `Origin`, `Sec-Fetch-Site` and a content type that needs no preflight).
"""

import hmac
import ipaddress
import re

from starlette.datastructures import Headers

from steering_server.model.requests import ApiError

__all__ = ["admit", "is_loopback", "need_json"]

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?")
_OWN_SITES = ("same-origin", "none")
"""What a browser says of a request by the server's own pages, or typed by its user."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str | None:
    """The name or address in a Host header or an origin, without port and brackets."""
    found = _HOST.fullmatch(host)
    return None if found is None else found[1].strip("[]")


def _local(host: str) -> bool:
    name = _name(host)
    return name is not None and is_loopback(name)


def admit(headers: Headers, key: str | None, *, keyless: bool = False) -> None:
    """ApiError 403 for a request by another name or page, 401 for one without the `key`.

    `keyless`: what anybody may ask even where there is a key. The Host is free where there is a
    key: what a page does not know, it cannot send.
    """
    host = headers.get("host", "")
    if key is None and not _local(host):
        message = f"Host {host!r}; without an API key expected a loopback name or address"
        raise ApiError(403, "host_not_allowed", message)
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        message = f"Origin {origin!r}; expected none, or this server's own ({host!r})"
        raise ApiError(403, "origin_not_allowed", message)
    if site not in _OWN_SITES:
        message = f"Sec-Fetch-Site {site!r}; expected no request from another site's page"
        raise ApiError(403, "origin_not_allowed", message)
    if key is None or keyless:
        return
    given = headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), key.encode()):
        raise ApiError(401, "invalid_api_key", "the Authorization header does not carry the key")


def need_json(headers: Headers) -> None:
    """ApiError 415 unless the body is said to be plain JSON in UTF-8."""
    given = headers.get("content-type", "")
    kind, *parameters = (part.strip().lower() for part in given.split(";"))
    utf8 = all(part in ("", "charset=utf-8", 'charset="utf-8"') for part in parameters)
    if kind != "application/json" or not utf8:
        message = f"content type {given!r}; expected application/json (UTF-8)"
        raise ApiError(415, "unsupported_media_type", message)
    coding = headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise ApiError(415, "unsupported_media_type", f"content encoding {coding!r}; expected none")
