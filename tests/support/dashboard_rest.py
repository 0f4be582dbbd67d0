"""What ``support.dashboard_world`` has besides runs: items of queues, state, incidents, messages and acts."""

import json
import random
from datetime import datetime, timedelta
from typing import Any, Final

import apsw

from jeeves_runner.clock import to_text

_CHANNEL: Final = "webhook:ops"
_HOUR_MS: Final = 3_600_000

_UNDECLARED: Final = {
    "id": "feedback",
    "declared": 0,
    "max_attempts": 3,
    "lease_ms": 300_000,
    "retention": '{"completed_ms": 604800000, "failed_ms": 2592000000}',
    "backoff": '{"delay_ms": 0, "factor": 2.0, "max_delay_ms": 3600000}',
}

_OVER: Final = (
    ("failure", "load-warehouse", 60, 34),
    ("failure", "crawl-prices", 51.5, 46.5),
    ("interrupted", "backup", 30.5, 15),
    ("missed", "check-site", 30.5, 30.4),
    ("failure", "sync-stock", 27, 24.6),
    ("late", "charge-cards", 12, 11.5),
)
"""Incidents: what was wrong with which job, and from how many hours ago until how many."""

_ACTS: Final = (
    (63, "cli", "create token", "token desk", "operate", "ann, uid 1000", None),
    (60, "token desk", "run", "job refund", None, "10.0.3.7", 202),
    (44.5, "unknown", "login", "token", "no such token", "10.0.9.41", 401),
    (44.4, "token ben", "login", "token ben", None, "10.0.9.41", 200),
    (30.4, "runner", "clock", "database", "the clock was 2.1 s behind", None, None),
    (26, "token ben", "cancel", "run 4711", None, "10.0.9.41", 200),
    (25, "cli", "mute", "job sync-stock", "the warehouse moves", "ann, uid 1000", None),
    (24.5, "cli", "unmute", "job sync-stock", None, "ann, uid 1000", None),
    (18, "api", "run", "job publish", None, "127.0.0.1", 202),
    (9.1, "unknown", "run", "job refund", "a token that lets operate is wanted", "203.0.113.9", 403),
    (6.2, "token desk", "retry", "queue orders", "4 items", "10.0.3.7", 200),
    (3.4, "cli", "run", "job restart-worker", None, "ann, uid 1000", None),
)
"""Of the audit: hours ago, actor, action, target, detail, origin and answer."""

_ERRORS: Final = ("the warehouse has answered 503", "order has no address", "out of stock: SKU-4711")


def write_rest(conn: apsw.Connection, now: datetime) -> None:
    """In the transaction of the caller, after the runs."""
    rest = _Rest(conn, now)
    rest.done_items("mail", "fetch-mail", "sort-mail")
    rest.done_items("orders", "import-orders", "pack-orders")
    rest.other_items()
    rest.state()
    rest.incidents()
    rest.acts()
    rest.freshness()


class _Rest:
    def __init__(self, conn: apsw.Connection, now: datetime) -> None:
        self._conn = conn
        self._now = now
        self._random = random.Random(3)

    def done_items(self, queue: str, producer: str, consumer: str) -> None:
        """Those of the newest runs of a job, which runs of another have added."""
        producers = self._runs(producer)
        for number, (run, at, revision) in enumerate(self._runs(consumer)[:40]):
            source = producers[number % len(producers)]
            done = {
                "run_id": run,
                "run_revision": revision,
                "claimed_at": at,
                "completed_at": at,
                "attempt": 1,
            }
            count = self._random.randint(1, 4)
            items = [self._item(queue, "completed", **_made_by(source), **done) for _ in range(count)]
            causes = json.dumps({"items": items, "queue": queue})
            self._conn.execute("UPDATE runs SET caused_by = ?, depth = 1 WHERE id = ?", (causes, run))
            for act, of in (("claimed", run), ("completed", run), ("enqueued", source[0])):
                self._conn.execute(
                    "INSERT INTO effects VALUES (?, ?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET count = count + excluded.count",
                    (of, act, queue, count),
                )

    def other_items(self) -> None:
        """Dead letters, items that an outside program has, that wait, are delayed, or that a pause holds, and
        a queue that no manifest declares."""
        failed = self._runs("pack-orders", "error") or self._runs("pack-orders")
        for number in range(7):
            run, at, revision = failed[number % len(failed)]
            gone = {"completed_at": at, "attempt": 3, "error": self._random.choice(_ERRORS)}
            by = {"run_id": run, "run_revision": revision}
            made = self._runs("import-orders", before=at)[:1]
            source = (
                _made_by(*made) if made else {"created_at": at}
            )  # a program added it, before there was one
            self._item("orders", "failed", **source, **by, **gone)
        for number in range(3):
            lease = {
                "lease_token": f"token{number}",
                "lease_until": self._ago(-20),
                "lease_ms": 24 * _HOUR_MS,
            }
            self._item("invoices", "claimed", claimed_at=self._ago(0.2), attempt=1, **lease)
        for number in reversed(range(23)):  # ids rise with time
            self._item("invoices", "pending", created_at=self._ago(0.1 + number / 5), priority=number % 3)
        for hours in range(1, 5):
            late = {
                "ready_at": self._ago(-hours),
                "delay_ms": 5 * _HOUR_MS,
                "attempt": 1,
                "error": "no paper",
            }
            self._item("invoices", "pending", **late)
        for number in reversed(range(64)):
            self._item("thumbnails", "pending", created_at=self._ago(2 + number / 20))
        self._insert("queues", **_UNDECLARED, created_at=self._ago(200), updated_at=self._ago(200))
        self._item("feedback", "pending", created_at=self._ago(190))

    def state(self) -> None:
        """Cursors, counts, collections, one large value and one that expires."""
        at = self._ago(0.3)
        run, _, revision = self._runs("import-orders")[0]
        words = [f"word{number}" for number in range(3000)]
        for namespace, key, value in (
            ("import-orders", "cursor", {"page": 1841, "since": at}),
            ("import-orders", "count", 48213),
            ("fetch-mail", "uid", 998_122),
            ("sync-stock", "etag", 'W/"51b1-18c"'),
            ("rebuild-search", "settings", {"languages": ["de", "en"], "stop_words": words}),
            ("crawl-prices", "blocked", ["shop.example.net", "preise.example.at"]),
        ):
            own = {
                "value": json.dumps(value),
                "updated_at": at,
                "writer_run": run,
                "writer_revision": revision,
            }
            self._insert("state", namespace=namespace, key=key, **own)
        for number in range(60):
            page = {"namespace": "check-site", "key": f"page/{number:03}"}
            self._insert("state", **page, value=json.dumps({"ms": number * 7, "status": 200}), updated_at=at)
            seen = {"namespace": "fetch-mail", "key": "seen", "item_key": f"<{number}@mail.example.com>"}
            self._insert("state_items", **seen, value="true", updated_at=at)
        lock = {"namespace": "import-orders", "key": "lock", "value": '"ann"', "updated_at": at}
        self._insert("state", **lock, expires_at=self._ago(-6), ttl_ms=8 * _HOUR_MS)

    def incidents(self) -> None:
        """Open and over, with what was said of them; the one channel has been away for two hours."""
        for cause, job, begin, end in _OVER:
            self._incident(cause, job, begin, closed=end)
        self._incident("failure", "dun-late-payers", 55, count=2)
        self._incident("failure", "export-crm", 8.3, count=8)
        words = {"words": "ran for 14m 10s (expected within 12m)"}
        self._incident("overrun", "rebuild-search", 3.7, count=2, facts=words)
        file = "jobs.d/billing.yaml"
        self._incident("held", None, 1.6, subject=file, facts={"subject": file})
        event = {"channel": _CHANNEL, "said": "event", "tries": 1}
        lost = {"facts": json.dumps({"subject": "orders", "count": 3}), "created_at": self._ago(5)}
        over = {"status": "failed", "finished_at": self._ago(4), "error": "it has answered 410 Gone"}
        self._insert("outbox", **event, cause="dead_letters", **lost, **over)
        sent = {"created_at": self._ago(13), "status": "sent", "finished_at": self._ago(13), "ref": "1"}
        self._insert("outbox", **event, cause="success", job_id="backup", **sent)

    def acts(self) -> None:
        """What people did, and who was refused."""
        names = ("actor", "action", "target", "detail", "origin", "answer")
        for hours, *values in _ACTS:
            self._insert("audit", at=self._ago(hours), **dict(zip(names, values, strict=True)))

    def freshness(self) -> None:
        """When each node was last written, by its newest good run."""
        writes = "SELECT node, job_id FROM edges WHERE relation = 'writes' AND node NOT LIKE 'queue:%'"
        for node, job in list(self._conn.execute(writes)):
            for run, at, _ in self._runs(job)[:1]:
                row = (node, at, job, run)
                self._conn.execute("INSERT OR REPLACE INTO freshness VALUES (?, ?, ?, ?)", row)

    def _incident(
        self,
        cause: str,
        job: str | None,
        begin: float,
        *,
        closed: float | None = None,
        facts: dict[str, str] | None = None,
        **columns: Any,
    ) -> None:
        """It began so many hours ago, and was ``closed`` so many ago; people were told, unless it is new."""
        runs = self._runs(job, "error") if job else []
        about = {"cause": cause, "job_id": job, "run_id": runs[0][0] if runs else None}
        of_run: dict[str, Any] = {"status": "error", "exit_code": 1} if runs else {}
        known = facts or of_run
        over = {} if closed is None else {"closed_at": self._ago(closed), "closed_by": "recovered"}
        told = {"told_at": self._ago(begin), "said_at": self._ago(begin)} if begin > 2 else {}
        row = {"count": 1, "channels": json.dumps([_CHANNEL]), **about, **told, **over, **columns}
        number = self._insert("incidents", opened_at=self._ago(begin), facts=json.dumps(known), **row)
        said = [("opened", begin)] if closed is None else [("opened", begin), ("recovered", closed)]
        for word, hours in said:
            message = {"channel": _CHANNEL, "said": word, "incident_id": number, **about}
            done = {"status": "sent", "finished_at": self._ago(hours), "ref": str(number), "tries": 1}
            wait = {"tries": 6, "not_before": self._ago(-0.07), "error": "the connection was refused"}
            how = done if hours > 2 else wait
            self._insert("outbox", **message, facts=json.dumps(known), created_at=self._ago(hours), **how)

    def _item(self, queue: str, status: str, **columns: Any) -> int:
        number = self._random.randint(100_000, 999_999)
        skus = [{"sku": f"SKU-{self._random.randint(100, 999)}", "count": each} for each in range(1, 4)]
        mail = {"id": f"<{number}@mail.example.com>", "from": "kim@example.org", "subject": "About my order"}
        order = {"order": f"AB-{number}", "total": number / 100, "items": skus}
        payload = json.dumps(mail if queue == "mail" else order)
        row = {"created_at": self._ago(1), "max_attempts": 3, **columns}
        return self._insert("queue_items", queue_id=queue, payload=payload, status=status, **row)

    def _runs(self, job: str, status: str = "ok", before: str = "~") -> list[tuple[int, str, int]]:
        """The ids, ends and revisions of those that ended before a time, newest first."""
        found = "SELECT id, finished_at, revision_id FROM runs"
        of = "WHERE job_id = ? AND status = ? AND finished_at < ?"
        return list(self._conn.execute(f"{found} {of} ORDER BY id DESC LIMIT 60", (job, status, before)))

    def _ago(self, hours: float) -> str:
        return to_text(self._now - timedelta(hours=hours))

    def _insert(self, table: str, **columns: Any) -> int:
        names = ", ".join(f'"{name}"' for name in columns)
        places = ", ".join("?" for _ in columns)
        self._conn.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(columns.values()))
        return self._conn.last_insert_rowid()


def _made_by(run: tuple[int, str, int]) -> dict[str, Any]:
    """The columns that tell which run has added an item."""
    return {"producer_run": run[0], "created_at": run[1], "producer_revision": run[2]}
