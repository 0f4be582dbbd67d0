"""The lines around mistakes: of many in a large file, and after the file was written anew."""

from pathlib import Path

from jeeves_runner.dashboard.excerpts import MOST, excerpts
from jeeves_runner.views.sync import ProblemDocument


def problem(line: int, file: str = "jobs.d/a.yaml") -> ProblemDocument:
    return {
        "severity": "error",
        "code": "wrong_value",
        "file": file,
        "line": line,
        "column": 1,
        "message": "it is wrong",
        "hint": None,
    }


def texts(root: Path, *lines: int) -> list[list[str]]:
    found = excerpts(root, [problem(line) for line in lines], None)
    return [[line.text for line in each.lines] for each in found.values()]


def write(root: Path, text: str) -> None:
    (root / "jobs.d").mkdir(exist_ok=True)
    (root / "jobs.d/a.yaml").write_text(text)


def test_each_mistake_has_its_lines(tmp_path: Path) -> None:
    write(tmp_path, "jobs:\n" + "".join(f"  - id: job-{n}\n    env: {{A: {n}}}\n" for n in range(4000)))
    found = texts(tmp_path, 2, 1002, 8000)
    assert found[0] == ["jobs:", "  - id: job-0", "    env: ***", "  - id: job-1"]
    assert found[1][3] == "  - id: job-500"
    assert found[2][1::2] == ["  - id: job-3998", "  - id: job-3999"]
    many = excerpts(tmp_path, [problem(line) for line in range(1, 100)], None)
    assert len(many) == MOST


def test_a_file_that_was_written_anew_shows_its_new_lines(tmp_path: Path) -> None:
    write(tmp_path, "timeout: 5x\n")
    assert texts(tmp_path, 1) == [["timeout: 5x"]]
    write(tmp_path, "timeout: five\n")
    assert texts(tmp_path, 1) == [["timeout: five"]]
    assert texts(tmp_path, 3) == []


def test_the_config_is_never_shown(tmp_path: Path) -> None:
    config = tmp_path / "jeeves-runner.yaml"
    config.write_text("port: no\n")
    assert excerpts(tmp_path, [problem(1, str(config))], None) == {}
