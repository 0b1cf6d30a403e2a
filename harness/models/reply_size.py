"""How large a reply may be: nothing that a server sends is read without end."""

__all__ = ["MOST_BYTES", "ReplyTooLarge"]

MOST_BYTES = 32 << 20
"""Decompressed. Twenty alternatives for each of 16 000 tokens, as JSON, are about as many."""


class ReplyTooLarge(ValueError):
    """A reply of more than so many bytes."""

    def __init__(self, most: int) -> None:
        super().__init__(f"a reply of more than {most:,} bytes")
