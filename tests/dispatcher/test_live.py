"""The ledger's file and the table made from it."""

from pathlib import Path

from click.testing import CliRunner
from rich.console import Console

from harness.cli.main import cli
from harness.dispatcher.book_file import BookFile, EndpointState, Snapshot, ledger_path
from harness.dispatcher.ledger import Account, Entry
from harness.dispatcher.live import Follower, summary, table


def snapshot(t: float, answers: int, done: int) -> Snapshot:
    account = Account()
    for _ in range(answers):
        account.book("useful", 100, 10, 0.01)
    account.book("retried", 0, 0, 0)
    state = EndpointState("a", 7, 20, "half", 1.0, {}, account)
    return Snapshot(t=t, pool="x", waiting=50, endpoints=(state,), done=done, samples=40)


def test_table(tmp_path: Path) -> None:
    """Rates come from the last two snapshots, the end from the share of samples done."""
    path = tmp_path / "x.ledger.jsonl"
    book = BookFile(path)
    book.write(snapshot(100.0, 0, 0))
    book.write(Entry(t=101.0, endpoint="a", purpose="useful"))
    book.write(snapshot(110.0, 30, 10))
    book.close()
    follower = Follower(path)
    assert follower.read()
    assert not follower.read()
    console = Console(width=100, record=True, file=(tmp_path / "out").open("w"))
    console.print(table(follower))
    shown = console.export_text()
    for part in ("3.0", "3,300", "0.30", "half", "10 of 40 samples; 0 min 30 s left"):
        assert part in shown
    line = summary(follower)
    for part in ("a 7/20 in flight, 30 done, half, $0.30", "3.3% waste", "50 waiting", "30 s left"):
        assert part in line


def test_torn_line(tmp_path: Path) -> None:
    """A line that is being written is read when it is whole."""
    path = tmp_path / "x.ledger.jsonl"
    book = BookFile(path)
    book.write(snapshot(100.0, 1, 0))
    book.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:30])
    follower = Follower(path)
    assert not follower.read()
    with path.open("ab") as file:
        file.write(whole[30:])
    assert follower.read()


def test_ledger_path() -> None:
    """The ledger lies beside the log, or in ./logs for one that is not on disk."""
    assert ledger_path("/a/b/x.eval", "p", 0.0).parent == Path("/a/b")
    assert ledger_path("s3://bucket/x.eval", "p", 0.0).parent == Path("logs")


def test_commands(tmp_path: Path) -> None:
    """`pool bench` and `pool check` print their tables; bad input is one line."""
    run = CliRunner().invoke(cli, ["pool", "bench", "--requests", "200", "--seeds", "1"])
    assert run.exit_code == 0
    assert "dispatcher" in run.output
    file = tmp_path / "pools.toml"
    file.write_text('[x]\n[[x.endpoints]]\nurl = "http://127.0.0.1:9/v1"\nmodel = "m"\n')
    run = CliRunner().invoke(cli, ["pool", "check", str(file)])
    assert run.exit_code == 1
    assert "refused" in " ".join(run.output.split())
    for arguments in (["pool", "check", "nowhere.toml"], ["pool", "watch", str(tmp_path)]):
        run = CliRunner().invoke(cli, arguments)
        assert run.exit_code != 0
        assert "\n" not in str(run.exception)
