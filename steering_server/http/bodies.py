"""A request's body, as far as it may be long."""

from starlette.requests import Request

from steering_server.model.requests import ApiError

__all__ = ["read_body"]


async def read_body(request: Request, longest: int) -> bytearray:
    """The body. ApiError 413 where it has more than `longest` bytes: by its own account, before
    any of it is read, else as soon as it has. Its size stays in `request.state.body_bytes`."""
    too_long = ApiError(413, "request_too_large", f"the body exceeds {longest} bytes")
    told = request.headers.get("content-length", "0")
    if told.isdecimal() and int(told[:20]) > longest:
        raise too_long
    body = bytearray()
    async for part in request.stream():
        if len(body) + len(part) > longest:
            raise too_long
        body += part
    request.state.body_bytes = len(body)
    return body
