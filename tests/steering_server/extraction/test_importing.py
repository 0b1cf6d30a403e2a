"""Files of others: which layer a row is for is never guessed, and never ignored."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

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


TABLE = np.stack([ROW * index for index in range(1, 5)])


@pytest.mark.parametrize(
    "content",
    [
        TABLE[:, None],
        TABLE[None],
        {"controls": torch.from_numpy(TABLE)},
        [torch.from_numpy(row) for row in TABLE],
        {number: torch.from_numpy(row[None]) for number, row in enumerate(TABLE)},
        {f"model.layers.{number}.mlp": torch.from_numpy(row) for number, row in enumerate(TABLE)},
    ],
    ids=["[L, 1, w]", "[1, L, w]", "one name", "list", "[1, w] by layer", "number inside"],
)
def test_a_row_a_layer_is_read_in_whatever_layout(tmp_path: Path, content: Any) -> None:
    """Axes of length 1 do not count; a name may hold its number anywhere."""
    path = saved(tmp_path / ("t.npy" if isinstance(content, np.ndarray) else "t.pt"), content)
    found = read_foreign(path, None, depth=4)
    assert all(np.array_equal(found[number].numpy(), row) for number, row in enumerate(TABLE))
    assert set(found) == {0, 1, 2, 3} and set(read_foreign(path, 2)) == {2}


@pytest.mark.parametrize("content", [ROW, ROW[None], ROW[None, None]], ids=lambda row: row.shape)
def test_a_vector_without_a_layer_is_for_none(tmp_path: Path, content: Any) -> None:
    """It is not taken for layer 0; one that names its layer is for that one, and for no other."""
    np.savez(tmp_path / "one.npz", content)
    for path in (saved(tmp_path / "one.npy", content), tmp_path / "one.npz"):
        with pytest.raises(UsageError, match="--layer"):
            read_foreign(path, None)
        assert set(read_foreign(path, 2)) == {2}
    named = saved(tmp_path / "named.pt", {"layer_3": torch.from_numpy(content)})
    assert set(read_foreign(named, None)) == {3}
    with pytest.raises(UsageError, match="no layer 2"):
        read_foreign(named, 2)


def test_a_table_of_another_depth_is_refused(tmp_path: Path) -> None:
    """Which layers its rows are for is not known."""
    path = saved(tmp_path / "table.npy", TABLE)
    for depth, named in ((30, "the model has 30"), (3, "--first-row embedding")):
        with pytest.raises(UsageError, match=named):
            read_foreign(path, None, depth=depth)
    assert set(read_foreign(path, None, first_row="embedding", depth=3)) == {0, 1, 2}


@pytest.mark.parametrize(
    "content",
    [
        TABLE.astype(np.complex64),
        TABLE > 1,
        np.array(["text"]),
        np.zeros(3, dtype=[("a", "f4")]),
        np.zeros((0, 64), dtype=np.float32),
        torch.quantize_per_tensor(torch.from_numpy(TABLE), 0.1, 0, torch.quint8),
        torch.from_numpy(TABLE).to("meta"),
    ],
    ids=["complex", "truths", "texts", "records", "nothing", "quantised", "no data"],
)
def test_what_are_no_real_numbers_is_refused(tmp_path: Path, content: Any) -> None:
    """In one line: read as fp32 they would be others."""
    path = saved(tmp_path / ("t.npy" if isinstance(content, np.ndarray) else "t.pt"), content)
    with pytest.raises(UsageError) as refusal:
        read_foreign(path, None)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["v.safetensors", "v.npz", "v.npy", "v.pt"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    """Cut anywhere, or with other bytes in it; whichever library reads it."""
    path = tmp_path / name
    if name.endswith("safetensors"):
        save_file({"v": torch.from_numpy(TABLE)}, path)
    elif name.endswith("npz"):
        np.savez(path, TABLE)
    else:
        saved(path, TABLE if name.endswith("npy") else torch.from_numpy(TABLE))
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    damaged = [whole[: len(whole) * part // 20] for part in range(20)]
    for _ in range(60):
        other = bytearray(whole)
        for at in rng.integers(0, min(len(whole), 300), 3):
            other[at] = rng.integers(256)
        damaged.append(bytes(other))
    for content in damaged:
        path.write_bytes(content)
        try:
            read_foreign(path, None)
        except UsageError as refusal:
            assert "\n" not in str(refusal)
