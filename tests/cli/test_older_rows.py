"""Jobs that an earlier version has applied: their specs lack what has come since, until the next apply."""

from pathlib import Path

from support.cli import Shell

LATER = ("precheck", "session", "params", "exit_codes", "keep")
"""Keys that have come with later versions."""


def test_a_job_is_shown_whose_spec_lacks_later_keys(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.ledger.add_job("backup")
    paths = ", ".join(f"'$.{key}'" for key in LATER)
    shell.ledger.conn.execute(f"UPDATE jobs SET spec = json_remove(spec, {paths})")
    assert "backup" in shell.text("job", "backup")
    spec = shell.json("job", "backup")["job"]["spec"]
    assert not spec.keys() & set(LATER)
    assert "backup" in shell.text("jobs")
    assert shell.run("status").exit_code == 0
