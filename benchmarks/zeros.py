"""A zero of utilities: items placed against it, shares of groups below it, and whether zeros agree.

    python -m benchmarks.zeros --runs 200            all conditions, tables of figures
    python -m benchmarks.zeros --only neither        those whose name begins so
    python -m benchmarks.zeros --quick               all of them, 2 runs: that they run, no figures

200 items in five groups whose means differ (sd .5 between, 1.4 within), 20 comparisons an item in a
random regular graph with balanced orders, and of these or beside these what gives a zero. Runs are
seeds 0 … R − 1; shares have standard errors over runs. An item is placed where the 95 % interval of
its distance from the zero excludes 0; those within .5 of it do not count.

What k questions against the opt-out can tell of where it lies is bounded: were the items' utilities
and the other zero known exactly, and every item at the opt-out, the standard error would be
sqrt(π/k), .177 for 100. With it zeros .5 apart are found in .806; with items that have errors of
their own (.4 each) and another zero with one, in .70. More needs more such questions.
"""

from dataclasses import dataclass, field

import click
import numpy as np

from harness.adaptive.against import NEAR
from harness.pairs.graphs import present, regular_pairs
from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.zero.answers import ZeroAnswers, zero_answers
from harness.stats.zero.below import agreement, below, placed
from harness.stats.zero.fit import zero_fit

__all__ = ["CONDITIONS", "Planted", "Simulated", "planted", "simulated"]

EFFECT = -0.3


@dataclass(frozen=True, kw_only=True)
class Planted:
    """`optout` questions set an item against the opt-out, half in either order; `neither`: that is
    an answer of all comparisons; `asked` yes_no questions an item; `threshold` κ of being
    indifferent, 0 where it is no answer; `near`: after
    half the opt-out questions the rest are about items that a fit of all so far has near the zero,
    as a campaign's are. Neither is planted at `zero`, the other zeros
    `apart` higher."""

    items: int = 200
    each: int = 20
    optout: int = 0
    neither: bool = False
    asked: int = 0
    threshold: float = 0.0
    near: bool = False
    zero: float = 0.0
    apart: float = 0.0


CONDITIONS = {
    "optout 50": Planted(optout=50),
    "optout 100 (5 %)": Planted(optout=100),
    "optout 100, zero -1": Planted(optout=100, zero=-1.0),
    "yes_no": Planted(asked=2),
    "neither 40 %": Planted(neither=True, zero=0.5),
    "indifferent": Planted(optout=100, threshold=0.5),
    "neither and yes_no, equal": Planted(neither=True, asked=2, zero=-0.5),
    "neither and yes_no, .5 apart": Planted(neither=True, asked=2, zero=-0.5, apart=0.5),
    "optout and neither, equal": Planted(neither=True, optout=100, zero=-0.5),
    "optout near 100 (5 %)": Planted(optout=100, near=True),
    "optout near and neither, equal": Planted(neither=True, optout=100, zero=-0.5, near=True),
    "optout near and neither, .5 apart": Planted(
        neither=True, optout=100, zero=-0.5, apart=0.5, near=True
    ),
    "optout near 140 (7 %) and neither, .5 apart": Planted(
        neither=True, optout=140, zero=-0.5, apart=0.5, near=True
    ),
    "optout and neither, .5 apart": Planted(neither=True, optout=100, zero=-0.5, apart=0.5),
}


@dataclass
class _Said:
    first: list[str] = field(default_factory=list)
    second: list[str] = field(default_factory=list)
    said: list[int] = field(default_factory=list)
    third: list[str] = field(default_factory=list)

    def add(self, first: str, second: str, said: int, third: str) -> None:
        self.first.append(first)
        self.second.append(second)
        self.said.append(said)
        self.third.append(third)

    def answers(self, names: list[str], groups: list[str]) -> ZeroAnswers:
        return zero_answers(
            names, groups, first=self.first, second=self.second, said=self.said, third=self.third
        )


@dataclass(frozen=True)
class Simulated:
    """Utilities (n,), group of each item, and the answers."""

    mu: FloatArray
    groups: list[str]
    answers: ZeroAnswers


def simulated(plan: Planted, seed: int) -> Simulated:
    """One data set."""
    rng = np.random.default_rng(seed)
    n = plan.items
    member = np.arange(n) % 5
    mu = rng.normal(0, 1.4, n) + rng.normal(0, 0.5, 5)[member]
    names, said = [str(k) for k in range(n)], _Said()
    groups = [f"group {k}" for k in member]
    for orders in present(regular_pairs(n, plan.each, rng), "balanced", rng):
        f, s = orders[0]
        felt = np.array([mu[f] + EFFECT / 2, mu[s] - EFFECT / 2, plan.zero]) + rng.normal(size=3)
        if plan.neither:
            said.add(names[f], names[s], (1, -1, 0)[int(felt.argmax())], "neither")
            continue
        gap = felt[0] - felt[1]
        even = abs(gap) < plan.threshold
        third = "indifferent" if plan.threshold else ""
        said.add(names[f], names[s], 0 if even else int(np.sign(gap)), third)
    _against(plan, mu, names, groups, said, rng)
    for item in range(n):
        for _ in range(plan.asked):
            yes = mu[item] - plan.zero - plan.apart + np.sqrt(2) * rng.normal() > 0
            said.add(names[item], "yes_no", 1 if yes else -1, "")
    return Simulated(mu, groups, said.answers(names, groups))


def _against(
    plan: Planted,
    mu: FloatArray,
    names: list[str],
    groups: list[str],
    said: _Said,
    rng: np.random.Generator,
) -> None:
    """The opt-out questions; those `near` take the nearest items in turn."""
    n = plan.items
    chosen = np.concatenate([rng.permutation(n) for _ in range(plan.optout // n + 1)])
    for k in range(plan.optout):
        if plan.near and k == plan.optout // 2:
            contrast, _ = placed(zero_fit(said.answers(names, groups)), "optout")
            nearest = np.argsort(np.abs(contrast))[: round(NEAR * n)]
            chosen[k:] = np.resize(rng.permutation(nearest), len(chosen) - k)
        item, side = chosen[k], 1 if k % 2 else -1
        own = mu[item] - plan.zero - plan.apart + side * EFFECT
        won = own + np.sqrt(2) * rng.normal() > 0
        pair = (names[item], "optout") if side == 1 else ("optout", names[item])
        said.add(*pair, side if won else -side, "")


@dataclass(frozen=True)
class Outcome:
    """Of one run: shares of items placed and misplaced, of groups whose share was held, of items
    covered (utilities about their mean, and about the zero); the mean error of the zero against the
    items; the share of neither; whether two zeros were parted (nan with one)."""

    placed: float
    wrong: float
    groups: float
    items: float
    contrasts: float
    bias: float
    slope: float
    third: float
    parted: float


def planted(plan: Planted, seed: int) -> Outcome:
    """One seed."""
    made = simulated(plan, seed)
    answers = made.answers
    fitted = zero_fit(answers)
    n, mu, zero = plan.items, made.mu, answers.zeros[0]
    true = plan.zero + (0.0 if zero == "neither" else plan.apart)
    contrast, se = placed(fitted, zero)
    far = np.abs(mu - true) > 0.5
    out = np.abs(contrast) > 1.959964 * se
    wrong = out & (np.sign(contrast) != np.sign(mu - true))
    shares = below(fitted, zero, rng=np.random.default_rng(seed))
    held = [
        share.low - 1e-9
        <= float((mu[np.array(made.groups) == share.group] < true).mean())
        <= share.high + 1e-9
        for share in shares
        if share.group
    ]
    centre = np.eye(n) - 1 / n
    own = centre @ fitted.mean[:n]
    own_se = np.sqrt(np.diagonal(centre @ fitted.covariance[:n, :n] @ centre))
    away = own - mu + mu.mean()
    tests = agreement(fitted)
    return Outcome(
        float(out[far].mean()),
        float(wrong[far].mean()),
        float(np.mean(held)),
        float((np.abs(away) < 1.96 * own_se).mean()),
        float((np.abs(contrast - mu + true) < 1.96 * se).mean()),
        float((contrast - mu + true).mean()),
        float(np.polyfit(mu, own, 1)[0]),
        float((answers.said[answers.third >= 0] == 0).mean()) if plan.neither else np.nan,
        float(tests[0].p < 0.05) if tests else np.nan,
    )


@click.command()
@click.option("--runs", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--only", default="", help="Conditions whose name begins so.")
@click.option("--quick", is_flag=True, help="Two runs each.")
def main(runs: int, only: str, quick: bool) -> None:
    """A line a condition."""
    runs = 2 if quick else runs
    click.echo(f"R = {runs}, seeds 0 to {runs - 1}; mean ± standard error over runs")
    for name, plan in CONDITIONS.items():
        if name.startswith(only):
            done = [planted(plan, seed) for seed in range(runs)]
            click.echo(f"{name:30s} {_line(done)}")


def _line(done: list[Outcome]) -> str:
    def mean(name: str) -> str:
        values = np.array([getattr(run, name) for run in done])
        return f"{values.mean():.3f} ± {values.std() / np.sqrt(len(values)):.3f}"

    line = (
        f"placed {mean('placed')}  wrong side {mean('wrong')}  group shares held {mean('groups')}  "
        f"covered: items {mean('items')}, from the zero {mean('contrasts')}  "
        f"mean error from the zero {mean('bias')}  slope {mean('slope')}"
    )
    if np.isfinite(done[0].third):
        line += f"  neither {mean('third')}"
    if np.isfinite(done[0].parted):
        line += f"  zeros parted {mean('parted')}"
    return line


if __name__ == "__main__":
    main()
