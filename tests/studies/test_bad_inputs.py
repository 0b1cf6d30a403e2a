"""Lines that cannot be run: one line each, before any call and before anything is written."""

from pathlib import Path

import pytest

from harness.cli.main import main

TOML = {
    "unknown.toml": 'ratters = ["sim/faithful"]\n',
    "kind.toml": "seeds = 'many'\n",
    "table.toml": 'raters = [{name = "sim/faithful"}]\n',
    "broken.toml": "seeds = \n",
}

BAD = {
    "run sysprompt-4x4 --rehearse": "unknown study 'sysprompt-4x4'; did you mean 'sysprompt-3x3'",
    "run validity": "needs a rater",
    "run validity --rater nonsense": "expected PROVIDER/NAME",
    "run validity --rater sim/nobody --yes": "unknown respondent sim/nobody",
    "run validity --rater sim/faithful(mean_maths=1) --yes": "did you mean 'math'",
    "run validity --rater sim/faithful(nosuch=1) --yes": "unknown parameter 'nosuch'",
    "run validity --rater openai/gpt-4o-mini --yes": "OPENAI_API_KEY",
    "run validity --rehearse --seeds 1": "needs at least 2",
    "run discrimination --rehearse --seeds 1": "needs at least 2",
    "run consistency --rehearse --seeds 1": "needs at least 2",
    "run validity --rehearse --seeds many": "int",
    "run validity --rehearse --template nosuch": "unknown template 'nosuch'",
    "run validity --rehearse --pairwise anchored_1_5": "asks for a rating",
    "run validity --rehearse --nosuch 1": "No such option '--nosuch'",
    "run validity --rehearse --config unknown.toml": "did you mean 'raters'",
    "run validity --rehearse --config kind.toml": "seeds",
    "run validity --rehearse --config table.toml": "needs model =",
    "run validity --rehearse --config broken.toml": "broken.toml",
    "run validity --rehearse --config none.toml": "No such file",
    "run here there": "unexpected extra argument",
    "run here": "no study.json in 'here'",
    "run refusal-stated --rehearse --judge nobody": "expected PROVIDER/NAME",
    "run refusal-stated --rehearse --judge openai/gpt-4o": "OPENAI_API_KEY",
    "run sysprompt-3x3 --rehearse --judge sim/judge": "No such option '--judge'",
    "run sysprompt-grid --rehearse --prompt nosuch": "unknown system prompt 'nosuch'",
    "run sysprompt-v2 --rehearse --pair nosuch": "unknown system prompt 'nosuch_pos'",
    "run self-vs-cross --models sim/faithful": "three or more",
    "run position-bias --from here": "position-bias needs a rater",
    "run drift --rater sim/faithful": "expected one and an earlier run",
    "run pre-post --rehearse --template fruit_rating": "pre-post needs both",
    **{
        f"run {name} --rehearse --completer sim/a --completer sim/b": "one for all raters"
        for name in (
            "pre-post",
            "sysprompt-confound",
            "sysprompt-grid",
            "sysprompt-v2",
            "sysprompt-3x3",
            "validity",
            "position-bias",
        )
    },
    "run validity --rehearse --items nofile.jsonl": "no file at",
    "run validity --rehearse --price abc": "expected IN,OUT",
    "run validity --rehearse --per-origin 0": "at least 1",
    "plan validity --rehearse --pilot nowhere": "no log or folder 'nowhere'",
    "report validity --rehearse --logs nowhere": "no log or folder 'nowhere'",
    "report validity --rehearse": "Missing option '--logs'",
    "diff here there": "no study.json in 'here'",
    "export validity --rehearse": "expected --flow",
    "nosuch": "No such command 'nosuch'",
}


@pytest.mark.parametrize("line", BAD)
def test_what_cannot_be_run_is_said_in_one_line(
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A mistake in a line ends it with one line that says what was expected, exit status 2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name, text in TOML.items():
        (tmp_path / name).write_text(text)
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr("sys.argv", ["penchant", "study", *line.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = [one for one in capfd.readouterr().err.splitlines() if one.strip()]
    assert len(said) == 1 and said[0].startswith("penchant: "), said
    assert BAD[line] in said[0]
    assert not (tmp_path / "studies").exists()
    assert not list(tmp_path.glob("here/*"))
