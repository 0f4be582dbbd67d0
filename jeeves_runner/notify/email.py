"""Mail: a message as plain text to one mailbox, by an SMTP server."""

import asyncio
import os
import ssl
from collections.abc import Callable
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final, NamedTuple

import aiosmtplib
from aiosmtplib import errors as smtp

from jeeves_runner.clock import Clock
from jeeves_runner.core.alerts.address import Tls
from jeeves_runner.core.alerts.body import plain_text
from jeeves_runner.core.alerts.in_part import in_part
from jeeves_runner.core.alerts.message import Attachment, Message
from jeeves_runner.core.wording import one_line
from jeeves_runner.notify.contract import NotSent, Rejected, Sent
from jeeves_runner.notify.hiding import of_login, without
from jeeves_runner.notify.portions import ends_of
from jeeves_runner.notify.token import Token
from jeeves_runner.side_thread import SILENT

_WHOLE: Final = 50.0
"""Seconds that one message may take."""
_CALL: Final = 20.0
MAX_FILE: Final = 5 << 20
"""Bytes of what is attached: most servers take no mail of more than 10 MB, and a file grows by a third."""
_WHERE: Final = "`notifications.email`"
_SEE: Final = f"see `tls` and `username` of {_WHERE}"
_SIGN: Final = {"bad": "[alert] ", "good": "[ok] ", "plain": ""}


class MailServer(NamedTuple):
    """What sends mail."""

    host: str
    """Its name or address."""
    port: int
    """Its port."""
    tls: Tls
    """How the connection is encrypted."""
    sender: str
    """Whom messages are from: an address."""
    username: str | None = None
    """Whom it knows; None: there is no login."""
    password: Token | None = None
    """With which word."""


class Mailbox:
    """One address that gets mail."""

    def __init__(self, server: MailServer, address: str, clock: Clock) -> None:
        self._server = server
        self._address = address
        self._clock = clock

    async def send(self, message: Message, *, thread: str | None, tried_at: datetime | None) -> Sent:
        """As ``contract.Channel.send``; ``thread`` and what is returned is a Message-ID. There is no
        way to look whether an earlier try has arrived; the Message-ID is the same."""
        server = self._server
        ways = await _ways(server)
        attachment = message.attachment
        file = None if attachment is None else await self._file(attachment)
        lacks: str | None = None
        try:
            async with asyncio.timeout(_WHOLE):
                try:
                    name = await self._send(message, thread, file, ways)
                except smtp.SMTPResponseException as error:
                    if attachment is None or not _may_be_of_file(error):
                        raise
                    why = _told(error, server, ways["password"]).message
                    lacks = f"{attachment.name} has arrived in part: {why}"
                    name = await self._send(in_part(message, attachment, why), thread, None, ways)
        except _FAULTS as error:
            raise _told(error, server, ways["password"]) from None
        return Sent(name, lacks)

    async def _file(self, attachment: Attachment) -> bytes:
        try:
            async with asyncio.timeout(_CALL):
                return await ends_of(attachment.text, MAX_FILE)
        except OSError as error:
            raise NotSent(f"{attachment.name} cannot be read: {error.strerror or SILENT}") from None

    async def _send(
        self, message: Message, thread: str | None, file: bytes | None, ways: dict[str, Any]
    ) -> str:
        """Its Message-ID."""
        mail = self._mail(message, thread)
        written: EmailMessage | bytes = mail
        if file is not None and message.attachment is not None:
            # In a thread: it takes a moment for some megabytes.
            written = await asyncio.to_thread(_with_file, mail, message.attachment.name, file)
            ways = {**ways, "timeout": _WHOLE}
        await aiosmtplib.send(written, sender=self._server.sender, recipients=[self._address], **ways)
        return str(mail["Message-ID"])

    def _mail(self, message: Message, thread: str | None) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = _SIGN[message.tone] + one_line(message.title)[:400]
        mail["From"] = Address("jeeves-runner", addr_spec=self._server.sender)
        mail["To"] = Address(addr_spec=self._address)
        mail["Date"] = format_datetime(self._clock.now())
        domain = self._server.sender.rpartition("@")[2]
        mail["Message-ID"] = f"<{message.alert_id.replace('/', '.')}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        if thread is not None:
            mail["In-Reply-To"] = mail["References"] = thread
        mail.set_content(f"{message.title}\n\n{plain_text(message._replace(attachment=None))}\n")
        return mail


def _with_file(mail: EmailMessage, name: str, data: bytes) -> bytes:
    """The mail with a file, as it is sent: lines of ASCII, so every server takes them."""
    mail.add_attachment(data.decode(), filename=name, cte="base64")
    return mail.as_bytes(policy=SMTP.clone(cte_type="7bit"))


async def log_in(server: MailServer) -> None:
    """Connect and log in, as for a mail, and send none. NotSent, and Rejected where a mail could not be sent
    either."""
    ways = await _ways(server)
    username, password = ways.pop("username"), ways.pop("password")
    client, transport = aiosmtplib.SMTP(**ways), None
    try:
        async with asyncio.timeout(_CALL):
            await client.connect()
            transport = client.transport
            if username is not None:
                await client.login(username, password)
            await client.quit()
    except _FAULTS as error:
        raise _told(error, server, password) from None
    finally:
        client.close()
        # Else the end of TLS would wait for the server, and the caller's loop may end before.
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()


async def _ways(server: MailServer) -> dict[str, Any]:
    """How the library is to connect. Rejected and NotSent where the password cannot be read."""
    password = None if server.password is None else await server.password.read()
    # All authorities of the machine are read for it: a fifth of a second, in which no run would start.
    context = None if server.tls == "none" else await asyncio.to_thread(ssl.create_default_context)
    return {
        "hostname": server.host,
        "port": server.port,
        "use_tls": server.tls == "tls",
        "start_tls": server.tls == "starttls",
        "tls_context": context,
        "username": server.username,
        "password": password,
        "timeout": _CALL,
        # Else the library would ask the name service for this machine's name.
        "local_hostname": "localhost",
    }


_FAULTS: Final = (smtp.SMTPException, OSError, ValueError)
"""What the library can raise."""


def _told(error: Exception, server: MailServer, password: str | None) -> NotSent | Rejected:
    """What went wrong, without the password, should the server have answered with it."""
    secrets = () if password is None else tuple(of_login(server.username, password))

    def cut(text: str) -> str:
        # Nothing is cut or changed before that, or a part of the password would be left.
        return one_line(" ".join(without(text, secrets).split()))[:200]

    if isinstance(error, smtp.SMTPConnectError | smtp.SMTPConnectTimeoutError):
        return NotSent(f"port {server.port} of {server.host} cannot be reached: {_no_way(error, cut)}")
    return _judged(error, f"the mail server {server.host}", cut)


def _no_way(error: smtp.SMTPException, cut: Callable[[str], str]) -> str:
    """Why there is no connection. The library's words repeat the host and the port."""
    match error.__cause__:
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER"):
            return f"no TLS begins there; is `tls` of {_WHERE} to be starttls, or the port another one?"
        case OSError(strerror=str(words), errno=int(number)):
            return (
                os.strerror(number)
                if number > 0 and not isinstance(error.__cause__, ssl.SSLError)
                else cut(words)
            )
    return cut(str(error))


def _judged(error: Exception, host: str, cut: Callable[[str], str]) -> NotSent | Rejected:
    """What went wrong, for the one who sends. ``cut`` makes a line of what others say."""
    match error:
        case smtp.SMTPAuthenticationError() if error.code >= 500:  # else it asks for patience: RFC 4954, 6
            hint = f"correct `username` and `password_path` of {_WHERE}"
            return Rejected(f"{host} does not take the login: {cut(error.message)}", hint=hint)
        case smtp.SMTPRecipientsRefused():
            return _answered(host, error.recipients[0], cut)
        case smtp.SMTPResponseException():
            return _answered(host, error, cut)
        case ssl.SSLError():
            return NotSent(f"{host}: there is no safe connection: {cut(error.reason or str(error))}")
        case TimeoutError():
            return NotSent(f"{host} has not answered in time", may_have_arrived=True)
        case ValueError():
            return Rejected(f"no mail can be made: {cut(str(error))}", hint=f"see {_WHERE}")
    if isinstance(error, smtp.SMTPNotSupported) or type(error) is smtp.SMTPException:
        # The server lacks an extension that was asked for.
        return Rejected(f"{host}: {cut(str(error))}", hint=_SEE)
    return NotSent(f"{host} broke off: {cut(str(error))}", may_have_arrived=True)


def _may_be_of_file(error: smtp.SMTPResponseException) -> bool:
    """Whether a mail may be refused because its file is too large, or not wanted."""
    return error.code >= 500 and not isinstance(error, smtp.SMTPAuthenticationError)


def _answered(host: str, error: smtp.SMTPResponseException, cut: Callable[[str], str]) -> NotSent | Rejected:
    """A code of 4xx passes, one of 5xx does not: RFC 5321, 4.2.1."""
    words = f"{host} answers {error.code} {cut(error.message)}"
    if 400 <= error.code < 500 or error.code < 0:
        return NotSent(words)
    return Rejected(words, hint=f"correct the address, or `from` of {_WHERE}")
