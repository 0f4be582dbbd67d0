"""Mail, by a real SMTP server of this machine."""

import asyncio
import errno
import ssl
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from support.mail import Mails, mail_server

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.alerts.address import Tls
from jeeves_runner.core.alerts.message import Attachment, Fact, Message
from jeeves_runner.core.alerts.whole_text import of_text
from jeeves_runner.notify.contract import NotSent, Rejected, Sent
from jeeves_runner.notify.email import MAX_FILE, Mailbox, MailServer
from jeeves_runner.notify.token import Place, Token

MESSAGE = Message(
    "db/1", "bad", "backup failed: exit code 3", (Fact("Owner", "Zoë"),), "no space\nleft", command="logs 7"
)


def send(
    mails: Mails, message: Message = MESSAGE, *, tls: Tls = "none", thread: str | None = None, **more: Any
) -> Sent:
    server = MailServer("127.0.0.1", mails.port, tls, "jeeves@example.org")._replace(**more)
    mailbox = Mailbox(server, "ops@example.org", SystemClock())

    async def sending() -> Sent:
        try:
            return await mailbox.send(message, thread=thread, tried_at=None)
        finally:
            await _connections_closed()

    return asyncio.run(sending())


async def _connections_closed() -> None:
    """A connection with TLS is closed some turns of the loop later, and here the loop would have ended."""
    sockets = asyncio.get_running_loop()._selector.get_map()  # type: ignore[attr-defined]
    while len(sockets) > 1:  # noqa: ASYNC110 - the loop has one of its own
        await asyncio.sleep(0.001)


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize("tls", ["none", "starttls", "tls"])
def test_a_message_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: Tls) -> None:
    with mail_server(tmp_path, tls=tls) as (mails, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        sent = send(mails, tls=tls)
    (mail,) = mails.arrived
    assert sent.ref == mail["Message-ID"] == "<db.1@example.org>"
    assert mail["Subject"] == "[alert] backup failed: exit code 3"
    assert (mail["From"], mail["To"]) == ("jeeves-runner <jeeves@example.org>", "ops@example.org")
    assert mail["Date"]
    assert text_of(mail) == "backup failed: exit code 3\n\nOwner: Zoë\n\nno space\nleft\n\nlogs 7\n"


def test_a_reply_names_the_mail_before(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (mails, _):
        first = send(mails)
        send(mails, MESSAGE._replace(alert_id="db/2"), thread=first.ref)
    assert [mail["In-Reply-To"] for mail in mails.arrived] == [None, first.ref]


def of_output(text: str) -> Message:
    return MESSAGE._replace(output=None, attachment=Attachment("a-7.txt", of_text(text)))


def attached(mails: Mails) -> str:
    (file,) = mails.arrived[0].iter_attachments()
    assert file.get_filename() == "a-7.txt"
    return str(file.get_content()).replace("\r\n", "\n")


def test_an_output_is_attached(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (mails, _):
        sent = send(mails, of_output("grün\n" * 10_000))
    assert attached(mails) == "grün\n" * 10_000
    assert text_of(mails.arrived[0]) == "backup failed: exit code 3\n\nOwner: Zoë\nlogs 7\n"
    assert sent == Sent("<db.1@example.org>")


def test_of_a_very_long_output_the_first_and_the_last_half_are_attached(tmp_path: Path) -> None:
    lines = "".join(f"line {number} ü\n" for number in range(600_000))
    with mail_server(tmp_path) as (mails, _):
        send(mails, of_output(lines))
    head, rest = attached(mails).split("\n… ")
    cut, tail = rest.split(" bytes cut …\n")
    assert (lines.startswith(head), lines.endswith(tail)) == (True, True)
    assert len(head.encode()) + int(cut) + len(tail.encode()) == len(lines.encode())
    assert len(head.encode()) + len(tail.encode()) > MAX_FILE - 10


def test_where_no_mail_of_that_size_is_taken_what_fits_is_in_it(tmp_path: Path) -> None:
    lines = "".join(f"line {number}\n" for number in range(20_000))
    with mail_server(tmp_path) as (mails, _):
        mails.most = 20_000
        sent = send(mails, of_output(lines))
    (mail,) = mails.arrived
    assert list(mail.iter_attachments()) == []
    for part in ("line 0\n", "characters cut …", "line 19999\n", "Message size exceeds", "logs 7"):
        assert part in text_of(mail)
    assert sent.ref == "<db.1@example.org>"
    assert (sent.lacks or "").startswith("a-7.txt has arrived in part: the mail server 127.0.0.1 answers 552")


def test_a_server_that_takes_no_mail_at_all_is_not_tried_without_end(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (mails, _):
        mails.answers["DATA"] = "554 not wanted"
        with pytest.raises(Rejected, match="554"):
            send(mails, of_output("line\n" * 1_000))


def test_an_output_that_cannot_be_read_now_is_sent_later(tmp_path: Path) -> None:
    def unreadable() -> Iterator[bytes]:
        raise OSError(errno.EIO, "Input/output error")

    text = of_text("line\n" * 1_000)._replace(read=unreadable)
    with mail_server(tmp_path) as (mails, _), pytest.raises(NotSent, match="cannot be read: Input/output"):
        send(mails, MESSAGE._replace(attachment=Attachment("a-7.txt", text)))
    assert not mails.arrived


@pytest.mark.parametrize(("password", "is_taken"), [("two words", True), ("another", False)])
def test_it_shows_its_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str, is_taken: bool
) -> None:
    path = tmp_path / "password"
    path.write_text(password + "\n")
    token = Token(Place("notifications.email.password_path", path, is_for_header=False), {})
    with mail_server(tmp_path, tls="starttls", login=("jeeves", "two words")) as (mails, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        if is_taken:
            send(mails, tls="starttls", username="jeeves", password=token)
            return
        with pytest.raises(Rejected, match="login") as caught:
            send(mails, tls="starttls", username="jeeves", password=token)
    assert "password_path" in caught.value.hint
    assert "another" not in str(caught.value)


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_a_passing_refusal_is_tried_again_and_a_lasting_one_is_final(tmp_path: Path, command: str) -> None:
    with mail_server(tmp_path) as (mails, _):
        mails.answers = {command: "451 try later"}
        with pytest.raises(NotSent, match="451 try later"):
            send(mails)
        mails.answers = {command: "550 no such user"}
        with pytest.raises(Rejected, match="550 no such user"):
            send(mails)


def test_a_login_that_is_put_off_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "password"
    path.write_text("word")
    token = Token(Place("notifications.email.password_path", path, is_for_header=False), {})
    with mail_server(tmp_path, tls="starttls", login=("jeeves", "word")) as (mails, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        mails.answers = {"AUTH": "454 4.7.0 too many logins, try later"}
        with pytest.raises(NotSent, match="too many logins") as caught:
            send(mails, tls="starttls", username="jeeves", password=token)
    assert not caught.value.may_have_arrived


def test_the_authorities_are_not_read_in_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, threads = ssl.create_default_context, []

    def noted() -> ssl.SSLContext:
        threads.append(threading.current_thread())
        return make()

    monkeypatch.setattr(ssl, "create_default_context", noted)
    with mail_server(tmp_path, tls="tls") as (mails, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        send(mails, tls="tls")
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_a_certificate_of_nobody_known_is_not_trusted(tmp_path: Path) -> None:
    with (
        mail_server(tmp_path, tls="tls") as (mails, _),
        pytest.raises(NotSent, match="certificate verify failed"),
    ):
        send(mails, tls="tls")
    assert not mails.arrived


def test_a_server_without_tls_gets_nothing_where_it_was_wanted(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (mails, _), pytest.raises(Rejected, match="STARTTLS"):
        send(mails, tls="starttls")
    assert not mails.arrived


def test_a_server_that_is_not_there_has_got_nothing(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (mails, _):
        pass
    with pytest.raises(NotSent, match="cannot be reached") as caught:
        send(mails)
    assert not caught.value.may_have_arrived


def test_a_title_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (mails, _):
        send(mails, MESSAGE._replace(title="a\r\nBcc: everybody@example.org"))
    assert mails.arrived[0]["Bcc"] is None


@pytest.mark.parametrize(
    "echo",
    [
        # In each, what is secret stands where the words are cut, or is written in another way.
        "x" * 190 + " sesame  open wide",
        "x" * 150 + " AUTH PLAIN AGplZXZlcwBzZXNhbWUgIG9wZW4gd2lkZQ== is unknown",
        "c2VzYW1lICBvcGVuIHdpZGU= is no password",
    ],
)
def test_a_server_that_repeats_the_login_does_not_give_the_password_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, echo: str
) -> None:
    path = tmp_path / "password"
    path.write_text("sesame  open wide")
    token = Token(Place("notifications.email.password_path", path, is_for_header=False), {})
    with mail_server(tmp_path, tls="starttls", login=("jeeves", "-")) as (mails, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        mails.answers = {"AUTH": f"535 5.7.8 {echo}"}
        with pytest.raises(Rejected, match="login") as caught:
            send(mails, tls="starttls", username="jeeves", password=token)
    assert "***" in caught.value.message
    for part in ("sesame", "c2VzYW", "AGplZXZlcwBz"):
        assert part not in caught.value.message


def test_a_port_where_no_tls_begins_is_told_with_what_is_probably_meant(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (mails, _), pytest.raises(NotSent, match="no TLS begins there") as caught:
        send(mails, tls="tls")
    assert f"port {mails.port} of 127.0.0.1 cannot be reached" in caught.value.message
    assert "starttls" in caught.value.message


def test_a_server_that_is_not_there_is_told_in_few_words(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (mails, _):
        pass
    with pytest.raises(NotSent) as caught:
        send(mails)
    assert caught.value.message == f"port {mails.port} of 127.0.0.1 cannot be reached: Connection refused"
