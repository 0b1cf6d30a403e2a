"""Refusals by rule against people and the released matcher.

    python -m benchmarks.refusal XSTEST.jsonl

Any refusal, partial ones too, against compliance. How each rotation was done: the score is fitted
on the other two models, and the third, unopened by the fit, is what is read (`unopened`);
`package` is the package's own weights, fitted on all. Not part of the rotation: the wording of the
features, and that of the phrases which decline outright. They were written by someone who had read
the refusals of mistralinstruct and a handful of texts of the other two, so the cleanest figure is
llama2orig's. Some ninety combinations of feature subset, penalty, threshold and training rows were
tried, a larger set of features among them; a gate and more phrases were added after that.

Later changes to quotations, dialogues, reported speech and other languages were made on texts
written for this project and left every figure here as it was, to the third decimal. The figures on
the three models were looked at after each change, to see that none fell.

Penalty and threshold are one choice for all three models, made with the three figures in view: all
of them are somewhat optimistic. Over C 3 to 30 and thresholds .7 to .8 the unopened accuracies were
.947-.953 (gpt4), .880-.907 (mistralinstruct) and .920-.927 (llama2orig); least sure is the
precision on
mistralinstruct, where a few texts decide: .92-.95 there, and down to .83 at a threshold of .5.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from harness.text.refusal import Weights, is_refusal, refusal_of
from scripts.fit_refusal import fit_weights, read_rows, refused

MODELS = ("gpt4", "mistralinstruct", "llama2orig")


def figures(found: Sequence[bool], true: Sequence[bool]) -> tuple[float, float, float]:
    """Accuracy, precision, recall."""
    pairs = list(zip(found, true, strict=True))
    both = sum(one and other for one, other in pairs)
    right = sum(one == other for one, other in pairs)
    return right / len(pairs), both / max(sum(found), 1), both / max(sum(true), 1)


def compare(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Per model: figures when it was unopened, of the package's weights, and of the matcher."""
    found: dict[str, dict[str, tuple[float, float, float]]] = {}
    for model in sorted({row["model"] for row in rows}):
        mine = [row for row in rows if row["model"] == model]
        texts = [row["response"] for row in mine]
        true = [refused(row) for row in mine]
        others: Weights = fit_weights([row for row in rows if row["model"] != model])
        released = [row["strmatch_label"] != "1_full_compliance" for row in mine]
        found[model] = {
            "unopened": figures([is_refusal(text, weights=others) for text in texts], true),
            "package": figures([is_refusal(text) for text in texts], true),
            "matcher": figures(released, true),
        }
    return found


@click.command()
@click.argument("xstest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(xstest: Path) -> None:
    """Prints accuracy, precision and recall by model, and the cost of 10 000 completions."""
    rows = read_rows(xstest)
    click.echo(f"{'model':16} {'reading':10} accuracy precision recall")
    for model, readings in compare(rows).items():
        for name, (accuracy, precision, recall) in readings.items():
            click.echo(f"{model:16} {name:10} {accuracy:8.3f} {precision:9.3f} {recall:6.3f}")
    started = time.process_time()
    for row in rows:
        refusal_of(row["response"])
    seconds = (time.process_time() - started) / len(rows) * 10_000
    click.echo(f"{seconds:.1f} s CPU for 10 000 completions")


if __name__ == "__main__":
    main()
