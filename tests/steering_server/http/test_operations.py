"""Operations by request: what the reply says of the component, and what is refused."""

from typing import Any

import pytest

CHOICES = {"choices": ["A", "B"]}


def told(client: Any, **vector: Any) -> Any:
    reply = client.steered({"name": "plain", **vector}, steering=CHOICES)
    assert reply.status_code == 200, reply.text
    return reply.json()["steering"]


def test_the_reply_says_the_component_before_and_after(client: Any) -> None:
    """Gone after ablation, halved by a half, multiplied, set to a multiple of the norm (8 here),
    moved by an addition."""
    ablated = told(client, operation="ablate")
    (vector,) = ablated["vectors"]
    assert vector["operation"] == "ablate" and vector["coef"] == 1
    before = vector["component"]["2"]["before"]
    for fields, after in (
        ({"operation": "ablate"}, 0),
        ({"operation": "ablate", "coef": 0.5}, before / 2),
        ({"operation": "scale", "coef": 3}, 3 * before),
        ({"operation": "clamp", "coef": 0.25}, 2),
        ({"coef": 0.5}, before + 4),
    ):
        component = told(client, **fields)["vectors"][0]["component"]["2"]
        assert component["before"] == pytest.approx(before, abs=1e-4)
        assert component["after"] == pytest.approx(after, abs=1e-4)


@pytest.mark.parametrize(
    "fields",
    [{"coef": 0}, {"operation": "ablate", "coef": 0}, {"operation": "scale", "coef": 1}],
)
def test_what_changes_nothing_is_bitwise_unsteered(client: Any, fields: dict[str, Any]) -> None:
    """Coefficient 0, no share taken away, a factor of 1."""
    plain = client.chat(steering=CHOICES).json()["steering"]["choices"]
    assert told(client, **fields)["choices"] == plain


@pytest.mark.parametrize("operation", ["ablate", "clamp", "scale"])
def test_an_operation_changes_the_answer_alone_as_beside_others(
    client: Any, operation: str
) -> None:
    """Two vectors in one request are done in turn; a stream ends with the same account."""
    fields = {"operation": operation, "coef": 0.5}
    plain = client.chat(steering=CHOICES).json()["steering"]["choices"]
    changed = told(client, **fields)
    assert changed["choices"] != plain
    both = client.steered(
        {"name": "plain", **fields}, {"name": "plain", "operation": "ablate"}, steering=CHOICES
    ).json()["steering"]
    first, second = (one["component"]["2"] for one in both["vectors"])
    assert second["after"] == pytest.approx(0, abs=1e-4) == first["after"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "coef"),
        ({"operation": "scale"}, "scale needs one"),
        ({"operation": "clamp"}, "clamp needs one"),
        ({"operation": "ablate", "coef": 1.5}, "0 to 1"),
        ({"operation": "ablate", "coef": -1}, "0 to 1"),
        ({"operation": "remove", "coef": 1}, "operation"),
    ],
)
def test_an_operation_that_means_nothing_is_refused(
    client: Any, fields: dict[str, Any], named: str
) -> None:
    """A missing or impossible coefficient, an unknown name."""
    refused = client.steered({"name": "plain", **fields})
    assert refused.status_code == 400 and named in refused.json()["error"]["message"]
