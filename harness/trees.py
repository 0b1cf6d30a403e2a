"""JSON and TOML texts from outside as trees: what cannot be read is one line, whatever it is."""

import json
import re
import tomllib
from typing import Any

__all__ = ["json_tree", "toml_tree"]

_DEEP = "nested too deeply"
_LONG_KEY = re.compile(r"""(?<![\w"'-])(?:[\w"'-]++[ \t]*+\.[ \t]*+){100}""")
"""A dotted key of so many parts: tomllib's time for one grows with their square."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def json_tree(text: str) -> Any:
    """What a JSON text holds. ValueError, of one line, for all that is none.

    Deep nesting, numbers of thousands of digits and lone surrogates, which no file can keep,
    are among it.
    """
    try:
        found = json.loads(text)
        if _SURROGATE.search(text):
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise ValueError(_DEEP) from None
    except UnicodeEncodeError:
        raise ValueError("half a surrogate pair, which is no character") from None
    except ValueError:
        raise ValueError("a number of too many digits") from None
    return found


def toml_tree(text: str) -> dict[str, Any]:
    """What a TOML text holds. ValueError, of one line, for all that is none.

    Integers are of 64 bits, as TOML has them.
    """
    if _LONG_KEY.search(text):
        raise ValueError("a dotted key of more than 100 parts")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise ValueError(_DEEP) from None
    except ValueError:
        raise ValueError("a number of too many digits") from None
    left: list[Any] = [found]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
        elif isinstance(one, int) and not -(2**63) <= one < 2**63:
            raise ValueError("an integer of more than 64 bits")
    return found
