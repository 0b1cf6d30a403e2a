"""A raw HTTP stub, so that the client and not the server is the bound: 20 ms, a 1 KB reply.

`python benchmarks/stub.py` prints its address. GET /stats gives the CPU it has used.
"""

import asyncio
import json
import time

LATENCY = 0.02
_REPLY = {
    "id": "stub",
    "object": "chat.completion",
    "created": 0,
    "model": "stub",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 60, "completion_tokens": 1, "total_tokens": 61},
    "padding": "x" * 700,
}


def response(body: bytes) -> bytes:
    """A whole response."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


ANSWER = response(json.dumps(_REPLY).encode())


class Stub(asyncio.Protocol):
    """Answers every request with the same bytes after a while."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) < end + 4 + length:
            return
        self.buffer = self.buffer[end + 4 + length :]
        if head.startswith(b"get /stats"):
            stats = {"cpu_seconds": time.process_time()}
            self.transport.write(response(json.dumps(stats).encode()))
        else:
            asyncio.get_running_loop().call_later(LATENCY, self.answer)

    def answer(self) -> None:
        """Send the reply, if anybody is still there."""
        if not self.transport.is_closing():
            self.transport.write(ANSWER)


async def main() -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0, backlog=4096)
    port = server.sockets[0].getsockname()[1]
    print(f"listening on http://127.0.0.1:{port}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
