"""A template's own question and its paraphrases, by name."""

import msgspec

from harness.errors import UsageError
from harness.items.item import text_hash
from harness.prompts.catalogue import TEMPLATES
from harness.prompts.rating_wordings import RATING_WORDINGS
from harness.prompts.template import Template, Timing
from harness.prompts.wordings import CHOICE_WORDINGS

__all__ = ["OWN", "Wording", "wordings_of"]

OWN = "own"
"""Name of the template's own question among its wordings."""


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """`template` is the template with this wording in place of its own."""

    name: str
    template: Template
    timing: Timing

    @property
    def key(self) -> str:
        """`NAME@HASH`, as records have it: the hash is of the question as it is asked."""
        return f"{self.name}@{text_hash(self.template.questions[self.timing])[:8]}"


def wordings_of(template: Template, timing: Timing) -> tuple[Wording, ...]:
    """The template's own question and then its paraphrases `p1`, `p2`, …

    UsageError for a template that has none: one of a user's own.
    """
    texts: tuple[str, ...] = ()
    if TEMPLATES.get(template.name) == template:
        known = CHOICE_WORDINGS if template.kind == "choice" else RATING_WORDINGS
        texts = known[template.name][timing]
    if not texts:
        raise UsageError(
            f"template {template.name!r} has no paraphrases; expected a built-in one, or no "
            "option wordings"
        )
    own = Wording(name=OWN, template=template, timing=timing)
    others = [
        Wording(
            name=f"p{number}",
            template=msgspec.structs.replace(template, questions={timing: text}),
            timing=timing,
        )
        for number, text in enumerate(texts, start=1)
    ]
    return (own, *others)
