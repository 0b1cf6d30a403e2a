"""What simulated respondents have planted, in the quantities that studies measure.

Everything comes from one table: the probability of each level for each item in a cell.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from harness.errors import UsageError
from harness.items.item import Item
from harness.prompts.catalogue import get_template
from harness.prompts.conditions import Condition, condition
from harness.prompts.template import Template, Timing
from harness.respondent.latent import acts_on, felt, first_probability, level_probabilities
from harness.respondent.settings import Settings, settings_for
from harness.respondent.utility import liked
from harness.stats.intervals import FloatArray
from harness.where import SHELL_DIRECTORY

__all__ = ["Planted"]


class Planted:
    """The planted truth behind records: `models` maps a rater's name to its `-M` arguments."""

    def __init__(self, models: Mapping[str, Mapping[str, Any]], items: Sequence[Item]) -> None:
        self._settings = {
            name: settings_for(name.removeprefix("sim/"), _planted(given))
            for name, given in models.items()
        }
        self._texts = {item.id: item.text for item in items}

    def settings(self, name: str) -> Settings:
        """Parameters of a model; UsageError for one that is not part of the study."""
        if name not in self._settings:
            raise UsageError(f"{name} is not among the models of the study")
        return self._settings[name]

    def with_settings(self, name: str, **changed: float) -> "Planted":
        """The same with some parameters of one model changed."""
        other = Planted({}, ())
        other._texts = self._texts
        other._settings = self._settings | {
            name: msgspec.structs.replace(self.settings(name), **changed)
        }
        return other

    def utilities(self, rater: str, items: Sequence[str]) -> FloatArray:
        """Planted utilities."""
        settings = self.settings(rater)
        return np.array([liked(self._texts[item], settings).utility for item in items])

    def refusals(self, completer: str, items: Sequence[str]) -> FloatArray:
        """Planted rate at which each item itself is refused."""
        settings = self.settings(completer)
        return np.array([liked(self._texts[item], settings).refusal for item in items])

    def chosen(
        self,
        rater: str,
        pairs: Sequence[tuple[str, str]],
        *,
        reasoned: bool,
        wording: str = "",
        pre: bool = False,
    ) -> FloatArray:
        """Probability that an answered choice between (first, second) takes the first.

        `wording` is the question's last paragraph as asked: it matters to respondents whose
        wordings correlate by less than 1; `pre`: asked before the items are done.
        """
        settings = self.settings(rater)
        known = {
            item: liked(self._texts[item], settings) for item in {name for p in pairs for name in p}
        }
        value = {
            item: felt(one, settings, condition=None, tone=0.0, voice=0, wording=wording, pre=pre)
            for item, one in known.items()
        }
        return np.array(
            [
                first_probability(
                    value[a], value[b], (known[a], known[b]), settings, reasoned=reasoned
                )
                for a, b in pairs
            ]
        )

    def outcomes(self, key: Mapping[str, object], items: Sequence[str]) -> dict[str, FloatArray]:
        """Probability of each outcome of a rating question about each item, by a cell's `key`."""
        settings = self.settings(str(key["rater"]))
        refused = self.refusals(str(key["rater"]), items) * settings.question_refusal
        found = {
            "refused": refused,
            "disclaimed": np.full(len(items), settings.disclaim),
            "invalid": np.full(len(items), settings.format_error),
        }
        found["answered"] = 1 - refused - settings.disclaim - settings.format_error
        return found

    def latents(self, key: Mapping[str, object], items: Sequence[str]) -> FloatArray:
        """Planted latent value of each item in a cell of ratings, with every shift but noise.

        `key` has the identity columns of a cell of records. A tone that only a share of
        completions takes enters by its mean.
        """
        settings = self.settings(str(key["rater"]))
        template = get_template(str(key["template"]), kind="rating", base=SHELL_DIRECTORY)
        pre = key["timing"] == "pre"
        completer = None if pre else self.settings(str(key["completer"]))
        made = _condition(key["completion_sysprompt"])
        asked = _condition(key["measurement_sysprompt"])
        values = []
        for item in items:
            known = liked(self._texts[item], settings)
            tone = 0.0 if completer is None else _tone(self._texts[item], completer, made)
            value = felt(
                known,
                settings,
                condition=asked if asked.text else None,
                tone=tone,
                voice=0 if completer is None else completer.voice,
                wording=_wording(template, "pre" if pre else "post"),
                pre=pre,
            )
            values.append(value)
        return np.array(values)

    def shares(self, key: Mapping[str, object], items: Sequence[str]) -> FloatArray:
        """Probability of each declared level, lowest first, of an answered rating (items × K)."""
        settings = self.settings(str(key["rater"]))
        template = get_template(str(key["template"]), kind="rating", base=SHELL_DIRECTORY)
        levels = len(template.labels)
        values = self.latents(key, items)
        return np.array([level_probabilities(float(one), levels, settings) for one in values])

    def means(
        self, key: Mapping[str, object], items: Sequence[str], *, column: str = "value"
    ) -> FloatArray:
        """Expected rating of each item."""
        template = get_template(str(key["template"]), kind="rating", base=SHELL_DIRECTORY)
        values = np.array([level.value for level in template.levels])
        if column == "normalised":
            values = (values - values.min()) / (values.max() - values.min())
        found: FloatArray = self.shares(key, items) @ values
        return found

    def reliability(self, key: Mapping[str, object], items: Sequence[str]) -> dict[str, float]:
        """`mean`, `icc`, `cross_seed_r`, `kl_uniform` and `kl_uniform_normalised` of a cell."""
        template = get_template(str(key["template"]), kind="rating", base=SHELL_DIRECTORY)
        values = np.array([level.value for level in template.levels])
        shares = self.shares(key, items)
        means = shares @ values
        within = float((shares @ values**2 - means**2).mean())
        between = float(means.var(ddof=1))
        overall = shares.mean(axis=0)
        kl = float(np.sum(overall * np.log(np.maximum(overall, 1e-300) * len(values))))
        agreement = between / (between + within) if between + within > 0 else math.nan
        return {
            "mean": float(means.mean()),
            "icc": agreement,
            "cross_seed_r": agreement,
            "kl_uniform": kl,
            "kl_uniform_normalised": kl / math.log(len(values)),
        }


def _planted(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key not in ("latency", "ask_log")}


def _condition(name: object) -> Condition:
    return condition(str(name or "none"), base=SHELL_DIRECTORY)


def _tone(text: str, completer: Settings, made: Condition) -> float:
    if not made.text:
        return 0.0
    known = liked(text, completer)
    return acts_on(made, known) * completer.tone.get(made.name, 1.0) * (1 - known.refusal)


def _wording(template: Template, timing: Timing) -> str:
    """The last paragraph of the question, by which respondents know it."""
    return template.questions[timing].rpartition("\n\n")[2]
