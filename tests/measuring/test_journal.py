from pathlib import Path

from harness.measuring.journal import journal_directory, open_journal
from harness.wire import Reply


def test_entries_survive_and_a_torn_line_does_not(tmp_path: Path) -> None:
    """What was written whole is read again; a line that a kill cut short is dropped."""
    journal = open_journal(tmp_path, task_id="t", scope="run-1")
    journal.put("a", Reply(text="3"))
    journal.put("b", Reply(error="timeout"))
    journal.close()
    with (tmp_path / "t.jsonl").open("ab") as file:
        file.write(b'{"key":"c","entry":{"te')
    again = open_journal(tmp_path, task_id="t", scope="run-2")
    assert again.get("a") == Reply(text="3")
    assert again.get("b") == Reply(error="timeout")
    assert again.get("c") is None
    again.put("c", Reply(text="5"))
    again.close()
    assert len(open_journal(tmp_path, task_id="t", scope="x")) == 3


def test_scope_is_that_of_the_first_run(tmp_path: Path) -> None:
    """A retry keeps the scope under which the first attempt shared its completions."""
    open_journal(tmp_path, task_id="t", scope="run-1").close()
    header = open_journal(tmp_path, task_id="t", scope="run-2").header
    assert header is not None
    assert header.scope == "run-1"


def test_text_with_line_separators_stays_one_entry(tmp_path: Path) -> None:
    """U+2028, U+0085 and newlines inside a reply do not split its line."""
    text = "one\u2028two\x85three\nfour\rfive"
    journal = open_journal(tmp_path, task_id="t", scope="s")
    journal.put("a", Reply(text=text))
    journal.close()
    assert open_journal(tmp_path, task_id="t", scope="s").get("a") == Reply(text=text)


def test_journal_lies_beside_the_log() -> None:
    """A local log's journal is in its folder; a remote log's under the user's state directory."""
    assert journal_directory("/x/logs/a.eval") == Path("/x/logs/journal")
    assert journal_directory("file:///x/logs/a.eval") == Path("/x/logs/journal")
    assert "s3_bucket_logs" in str(journal_directory("s3://bucket/logs/a.eval"))
