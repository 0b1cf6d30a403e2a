"""Files of others: which layer a row is for is never guessed, and never ignored."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.errors import UsageError
from steering_server.extraction.importing import import_vector, read_foreign
from steering_server.model.models import load

ROW = np.arange(1.0, 65.0, dtype=np.float32)


def saved(path: Path, content: Any) -> Path:
    if path.suffix == ".npy":
        np.save(path, content)
    else:
        torch.save(content, path)
    return path


@pytest.mark.parametrize("shape", [(64,), (1, 64)])
@pytest.mark.parametrize("name", ["one.npy", "one.pt"])
def test_a_single_vector_is_for_the_layer_that_is_named(
    tmp_path: Path, shape: tuple[int, ...], name: str
) -> None:
    """[width] and [1, width] alike."""
    row = ROW.reshape(shape)
    path = saved(tmp_path / name, row if name.endswith("npy") else torch.from_numpy(row))
    found = read_foreign(path, 2)
    assert set(found) == {2} and np.array_equal(found[2].numpy(), ROW)


def test_of_several_layers_the_one_named_is_taken(tmp_path: Path) -> None:
    """From a table or by name; one that is not there is an error."""
    table = np.stack([ROW * index for index in range(1, 5)])
    for path in (
        saved(tmp_path / "table.npy", table),
        saved(tmp_path / "named.pt", {i: torch.from_numpy(row) for i, row in enumerate(table)}),
    ):
        found = read_foreign(path, 2)
        assert set(found) == {2} and np.array_equal(found[2].numpy(), table[2])
        assert set(read_foreign(path, None)) == {0, 1, 2, 3}
        with pytest.raises(UsageError, match="no layer 7"):
            read_foreign(path, 7)


def test_an_embedding_in_the_first_row_has_to_be_said(tmp_path: Path) -> None:
    """One row too many is refused, naming the option; with it the rows move up by one."""
    loaded = load("tiny:llama")
    table = np.stack([ROW * index for index in range(1, 6)])
    path = saved(tmp_path / "table.npy", table)
    known = {"mean_without_sink": dict.fromkeys(range(4), 1.0)}
    with pytest.raises(UsageError, match="--first-row embedding"):
        import_vector(
            loaded, read_foreign(path, None), scale="raw", norms=known, note="", created=""
        )
    found = read_foreign(path, None, first_row="embedding")
    assert set(found) == {0, 1, 2, 3} and np.array_equal(found[0].numpy(), table[1])
    with pytest.raises(UsageError, match="means nothing"):
        read_foreign(saved(tmp_path / "one.npy", ROW), 2, first_row="embedding")


def test_dicts_in_dicts_are_read_and_other_things_named(tmp_path: Path) -> None:
    """No traceback, whatever is in the file."""
    nested = {"vectors": {"layer": {3: torch.from_numpy(ROW)}}}
    assert set(read_foreign(saved(tmp_path / "nested.pt", nested), None)) == {3}
    for content in (
        {"vector": torch.from_numpy(ROW), "layer": 3},
        {"a": {"b": "text"}},
        {"a": None},
        {},
        [torch.from_numpy(ROW)],
        {"x": torch.zeros(2, 3, 64)},
        {"x": torch.tensor(1.0)},
    ):
        path = saved(tmp_path / "odd.pt", content)
        with pytest.raises(UsageError) as refusal:
            read_foreign(path, None)
        assert "\n" not in str(refusal.value)


def test_control_vectors_of_repeng_are_read(tmp_path: Path) -> None:
    """`direction.N` is for the output of layer N; a model's file is refused."""
    gguf = pytest.importorskip("gguf")
    for name, names in (("cv.gguf", ("direction.1", "direction.3")), ("model.gguf", ("blk.0.w",))):
        writer = gguf.GGUFWriter(str(tmp_path / name), "controlvector")
        for number, tensor in enumerate(names):
            writer.add_tensor(tensor, ROW * (number + 1))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    found = read_foreign(tmp_path / "cv.gguf", None)
    assert set(found) == {1, 3} and np.array_equal(found[3].numpy(), 2 * ROW)
    with pytest.raises(UsageError, match=r"blk\.0\.w"):
        read_foreign(tmp_path / "model.gguf", None)
    (tmp_path / "junk.gguf").write_bytes(b"junk")
    with pytest.raises(UsageError):
        read_foreign(tmp_path / "junk.gguf", None)
