"""Secrets that a webhook's template names: read, checked, warned about, and never shown."""

import json
from pathlib import Path

import pytest
from support.configs import assert_refused, config_of

from jeeves_runner.config import check_config
from jeeves_runner.config_notifications import SecretConfig
from jeeves_runner.views.runner import config_view

SECRETS = "secrets: {key: {file: a/key}, two: {from_env: TWO}}"
TEMPLATE = 'template: {a: "{{ secrets.key }}", b: ["{{secrets.two}}"]}'


def webhook(more: str) -> str:
    return f"notifications: {{webhooks: {{ops: {{url: 'https://x', {more}}}}}}}\n"


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TWO", "hunter2")
    path = tmp_path / "a" / "key"
    path.parent.mkdir()
    path.write_text("hunter2\n")
    path.chmod(0o600)
    return path


def warnings(folder: Path, text: str) -> list[tuple[str, str | None]]:
    (folder / "jeeves-runner.yaml").write_text(text)
    problems = check_config(folder, None)[1]
    assert all(problem.severity == "warning" for problem in problems)
    return [(problem.message, problem.hint) for problem in problems]


def test_a_secret_stands_in_a_file_or_in_a_variable_which_no_job_inherits(tmp_path: Path) -> None:
    told = config_of(tmp_path, webhook(f"{SECRETS}, {TEMPLATE}")).notifications
    assert told.webhooks["ops"].secrets == {
        "key": SecretConfig(file=tmp_path / "a" / "key"),
        "two": SecretConfig(from_env="TWO"),
    }
    assert told.variables == {"TWO"}


def test_where_a_secret_stands_is_shown_and_no_part_of_it(tmp_path: Path, key: Path) -> None:
    shown = json.dumps(config_view(config_of(tmp_path, webhook(f"{SECRETS}, {TEMPLATE}"))))
    assert str(key) in shown
    assert '"TWO"' in shown
    assert "hunter2" not in shown


def test_secrets_in_order_are_not_warned_about(tmp_path: Path, key: Path) -> None:
    assert warnings(tmp_path, webhook(f"{SECRETS}, {TEMPLATE}")) == []


@pytest.mark.parametrize(
    ("more", "column", "message", "hint"),
    [
        (
            "secrets: {k: {}}, template: {a: '{{ secrets.k }}'}",
            65,
            "`file` and `from_env`",
            "{file: PATH}",
        ),
        (
            "secrets: {k: {file: a, from_env: B}}, template: {a: '{{ secrets.k }}'}",
            65,
            "needs one of `file` and `from_env`",
            "{file: PATH}",
        ),
        (
            "secrets: {k: hunter2}, template: {}",
            65,
            "must be {file: PATH} or {from_env: VARIABLE}",
            "for example `k: {file: secrets/key}`",
        ),
        ("secrets: {k: ['hunter2']}", 65, "must be {file: PATH}", "for example `k: {file: secrets/key}`"),
        ("template: {a: '{{ secrets.k }}'}", 66, "there is no secret k", "`secrets: {k: {file: PATH}}`"),
        (
            "secrets: {key: {file: a}}, template: {a: '{{ secrets.kye }}'}",
            93,
            "there is no secret kye",
            "did you mean key?",
        ),
        ("secrets: {key: {fiel: a}}", 68, "unknown key `fiel`", "`file`"),
        ("secrets: {K!: {file: a}}", 62, "the name `K!` is not allowed", ""),
    ],
)
def test_mistakes_have_their_place_and_a_hint(
    tmp_path: Path, more: str, column: int, message: str, hint: str
) -> None:
    assert "hunter2" not in assert_refused(tmp_path, webhook(more), f"1:{column}", message, hint)


def test_a_secret_that_is_not_there_is_warned_about(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key.unlink()
    monkeypatch.delenv("TWO")
    (file, _), (variable, hint) = warnings(tmp_path, webhook(f"{SECRETS}, {TEMPLATE}"))
    assert file.startswith("`notifications.webhooks.ops.secrets.key.file`: the secret cannot be read from")
    assert variable.endswith("secrets.two.from_env`: TWO has no secret that can be used: it is not set")
    assert hint == "set TWO for the server"


def test_a_secret_that_the_template_does_not_name_is_warned_about(tmp_path: Path, key: Path) -> None:
    ((message, hint),) = warnings(tmp_path, webhook(f"{SECRETS}, template: {{a: '{{{{ secrets.two }}}}'}}"))
    assert message == "`notifications.webhooks.ops.secrets.key` is not used: the template does not name it"
    assert hint == 'write "{{ secrets.key }}" where it is to stand'
