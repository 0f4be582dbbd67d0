"""The world of deliveries: an outbox, channels that answer as a test says, and a clock moved by hand."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import apsw
from support.clock import HandClock
from support.ledger import Ledger

from jeeves_runner.core.alerts.compose import Links
from jeeves_runner.core.alerts.message import Message
from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.db import outbox
from jeeves_runner.db.connection import connect
from jeeves_runner.db.outbox import Saying
from jeeves_runner.db.writer import Writer
from jeeves_runner.notify.contract import Sent
from jeeves_runner.runner.delivery import Delivery

OPS, DEV = "webhook:ops", "webhook:dev"
HERE = "here"


class Arrived(NamedTuple):
    """A message as a channel got it."""

    address: str
    title: str
    thread: str | None
    tried_at: datetime | None
    message: Message


class Office:
    """All channels. What they get is in ``arrived``, also where they then answer with a fault."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self.answers: defaultdict[str, list[Exception | None]] = defaultdict(list)
        """By address, what the next calls raise; None, or nothing left: they take the message."""
        self.refuses: Callable[[Message], Exception | None] = lambda _: None
        self.waits: asyncio.Event | None = None
        """Calls wait for this before they answer."""
        self.hang: frozenset[str] = frozenset()
        """Addresses that never answer."""

    def titles(self, address: str | None = None) -> list[str]:
        return [each.title for each in self.arrived if address in (None, each.address)]

    def channel(self, address: str) -> "_Channel":
        return _Channel(self, address)


class _Channel:
    def __init__(self, office: Office, address: str) -> None:
        self._office = office
        self._address = address

    async def send(self, message: Message, *, thread: str | None, tried_at: datetime | None) -> Sent:
        office = self._office
        office.arrived.append(Arrived(self._address, message.title, thread, tried_at, message))
        if office.waits is not None:
            await office.waits.wait()
        if self._address in office.hang:
            await asyncio.Event().wait()
        answers = office.answers[self._address]
        fault = answers.pop(0) if answers else office.refuses(message)
        if fault is not None:
            raise fault
        return Sent(f"ref-{len(office.arrived)}")


class Post:
    """A database with an outbox and job ``a``, and one delivery after another."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder / "runner.sqlite")
        self.clock: HandClock = self.ledger.clock
        self.office = Office()
        self.time_of_age: Callable[[], datetime] = self.clock.now
        self.ledger.add_job("a")

    def say(
        self,
        word: str,
        *channels: str,
        said: Said = Said.EVENT,
        incident: int | None = None,
        bundle: str | None = None,
        run: int | None = None,
    ) -> None:
        """Put something into the outbox: its title will be ``WORD so``."""
        facts = {"words": "so", "subject": word}
        saying = Saying(said, Cause.CLOCK, incident, run_id=run, facts=facts, bundle=bundle)
        with self.ledger.tx() as tx:
            outbox.put(tx, saying, channels or (OPS,))

    def incident(self) -> int:
        """One that is open, of no job."""
        with self.ledger.tx() as tx:
            tx.conn.execute(
                "INSERT INTO incidents (cause, subject, opened_at, count) VALUES ('held', ?, ?, 1)",
                (str(self.ledger.count("incidents")), tx.at),
            )
            return tx.conn.last_insert_rowid()

    def statuses(self) -> list[str]:
        rows = self.ledger.conn.execute("SELECT status FROM outbox ORDER BY id")
        return [status for (status,) in rows]

    def errors(self) -> list[str | None]:
        rows: Iterable[tuple[str | None]] = self.ledger.conn.execute("SELECT error FROM outbox ORDER BY id")
        return [error for (error,) in rows]

    @asynccontextmanager
    async def delivery(self, place: str = HERE) -> AsyncIterator[Delivery]:
        """A delivery that runs; it is broken off at the end, as by a kill."""
        conn: apsw.Connection = connect(self.ledger.path, clock=self.clock, patient=False)
        async with Writer(self.ledger.path, self.clock) as writer:
            delivery = Delivery(
                conn=conn,
                writer=writer,
                clock=self.clock,
                channel=self.office.channel,
                links=Links("db1", "/srv/jobs"),
                data_dir=str(self.ledger.path.parent / "data"),
                time_of_age=self.time_of_age,
            )
            await delivery.own(place)
            running = asyncio.create_task(delivery.run())
            try:
                yield delivery
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
                await delivery.close(10)


async def eventually(holds: Callable[[], object], delivery: Delivery | None = None) -> None:
    """Wait until it holds, and let the delivery look meanwhile."""
    async with asyncio.timeout(60):
        while not holds():
            if delivery is not None:
                delivery.wake()
            await asyncio.sleep(0.005)
