"""Build the wheel, look at its top-level names, install it elsewhere and run an eval from it."""

import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMES = {"evals", "harness", "scorers", "solvers", "steering_server", "penchant"}
RATINGS, CHOICES = 5, 74  # `--limit 5`; three items of each origin, pre-task, both orders


def top_level(wheel: Path) -> set[str]:
    """Top-level names in a wheel, its metadata apart."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name.split("/")[0].removesuffix(".py") for name in archive.namelist()}
    return {name for name in names if not name.endswith(".dist-info")}


def main() -> None:
    """Build, check, install, run."""
    with tempfile.TemporaryDirectory() as name:
        build = [sys.executable, "-m", "build", "--wheel", "--outdir", name, str(ROOT)]
        subprocess.run(build, check=True, capture_output=True)
        [wheel] = Path(name).glob("*.whl")
        found = top_level(wheel)
        if found != NAMES:
            sys.exit(f"wheel: top-level names {sorted(found)}; expected {sorted(NAMES)}")
        owners = packages_distributions()
        taken = {top: owners[top] for top in NAMES if set(owners.get(top, [])) - {"penchant"}}
        if taken:
            sys.exit(f"wheel: names owned by another distribution: {taken}")
        run_installed(wheel, Path(name))
    print(f"wheel: {sorted(found)}; installs and runs")


def run_installed(wheel: Path, folder: Path) -> None:
    """From a new environment and another folder: the tasks by registered name, the command line."""
    venv.create(folder / "env", with_pip=True)
    bin_folder = folder / "env" / "bin"
    constraints = ["-c", str(ROOT / "constraints.txt")]
    install = [bin_folder / "pip", "install", "-q", *constraints, str(wheel)]
    subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
    line = [bin_folder / "inspect", "eval", "evals/anchored_1_5", "--model", "sim/faithful"]
    more = ["--limit", "5", "--log-dir", "logs", "--display", "none"]
    subprocess.run([*line, *more], check=True, cwd=folder)
    pairs = [bin_folder / "inspect", "eval", "evals/pairwise", "--model", "sim/faithful"]
    sized = ["-T", "per_origin=3", "-T", "block=25", "-T", "timing=pre", *more[2:]]
    subprocess.run([*pairs, *sized], check=True, cwd=folder)
    run_readme(bin_folder / "python", folder)
    report = [bin_folder / "penchant", "records", "logs", "-o", "records.csv"]
    done = subprocess.run(report, check=True, cwd=folder, capture_output=True, text=True)
    rows = (folder / "records.csv").read_text().count("\n") - 1
    if rows != RATINGS + CHOICES:
        sys.exit(f"wheel: {rows} records; expected {RATINGS + CHOICES}\n{done.stdout}{done.stderr}")


def run_readme(python: Path, folder: Path) -> None:
    """README's Python blocks, as they stand: a table, a figure, a study's findings."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    done = subprocess.run(
        [python, "-c", "".join(blocks)], cwd=folder, capture_output=True, text=True, check=False
    )
    drawn = folder / "utilities.png"
    said = all(word in done.stdout for word in ("utility", "planted values in "))
    if done.returncode or not said or not drawn.is_file():
        sys.exit(f"wheel: README's Python blocks failed\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
