"""An SMTP server for tests: with TLS or without, with a login or without, and with refusals on request."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Mails:
    """The server's memory, and what it answers. It may be read from any thread."""

    def __init__(self) -> None:
        self.arrived: list[EmailMessage] = []
        self.answers: dict[str, str] = {}
        """By ``RCPT``, ``DATA`` or ``AUTH``: what it answers to it instead of taking it."""
        self.most: int | None = None
        """Bytes of the largest mail that it takes."""
        self.login: tuple[str, str] | None = None
        """Whom it takes mail from; None: from all."""
        self.port = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if "DATA" in self.answers:
            return self.answers["DATA"]
        assert isinstance(envelope.content, bytes)
        if self.most is not None and len(envelope.content) > self.most:
            return "552 5.3.4 Message size exceeds fixed limit"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.arrived.append(mail)
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if "AUTH" in self.answers:
            return AuthResult(success=False, handled=False, message=self.answers["AUTH"])
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self.login, handled=False)


@contextmanager
def mail_server(
    folder: Path, *, tls: str = "none", login: tuple[str, str] | None = None
) -> Iterator[tuple[Mails, Path]]:
    """A server, and the file of the authority that its certificate is of. ``tls``: as in the config."""
    authority = trustme.CA()
    trusted = folder / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    mails = Mails()
    mails.login = login
    options: dict[str, Any] = {"tls_context": context if tls == "starttls" else None}
    if login is not None:
        options |= {
            "authenticator": mails.authenticate,
            "auth_required": True,
            "auth_require_tls": tls == "starttls",
        }
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="mail", daemon=True)
    thread.start()

    sessions: list[SMTP] = []

    def session() -> SMTP:
        sessions.append(SMTP(mails, loop=loop, data_size_limit=None, **options))
        return sessions[-1]

    async def begin() -> asyncio.Server:
        return await loop.create_server(
            session,
            "127.0.0.1",
            0,
            ssl=context if tls == "tls" else None,
        )

    async def end() -> None:
        server.close()
        await server.wait_closed()
        for each in sessions:
            if isinstance(each.transport, asyncio.WriteTransport):
                each.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for _ in range(10):  # an abort closes its socket some turns of the loop later
            await asyncio.sleep(0)

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(30)
    try:
        mails.port = server.sockets[0].getsockname()[1]
        yield mails, trusted
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
