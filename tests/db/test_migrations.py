"""Schemas that have been shipped stay as they were: a change is a new migration, which leads from them."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import apsw
from support.clock import HandClock

from jeeves_runner.db.connection import APPLICATION_ID, connect
from jeeves_runner.db.migrate import migrate, migrations

SHIPPED = {
    1: "5ed8ab24e64cd4e4f0f8e0af14f0c8422683e33c825d96fc23987e20a4100b5d",
    2: "bce0b209a255f5f2493ef98205b89ea5255c45f40ec6a7010db338a0a619f658",
    3: "22770d774c7a4718648ddf987d011941a5491d91cdcfb04502bebabf49f51d02",
    4: "903591b7ba69da5f7d404184df4571fa358ea690e11e65951e02528d04b43a12",
    5: "b6e2b0fff7a4ab6217e204114ab6791c39dfec1242b815a1f68cefa85956dc02",
    6: "7d1ace016c7c6fedc32eb71ec4888b262cbed01e9e5ee6d15d1471da550c6006",
    7: "d4fcd0ce3cf02309cdd9eff5f8379cfa4519b00df553e272c55c3cbd2e70af71",
    8: "1a4538f08413ed613389d3bc826280a48a73a76a10c01465804115e884ada92c",
    9: "f5eb170b72813af4d693e705734f395526b81ea9171cfd8de2e8e82effb94902",
    10: "a4424d7ef07f2679bd1b0c1678c6ed28410952af726d5b559769c69b43f1e711",
}
"""By version, the SHA-256 of each migration. One that stands here is never edited: databases have it."""


def test_no_migration_is_edited_once_it_is_listed() -> None:
    found = {step.version: sha256(step.sql.encode()).hexdigest() for step in migrations()}
    assert found == SHIPPED


def test_every_schema_before_leads_to_the_one_of_a_new_database(tmp_path: Path) -> None:
    steps = migrations()
    with_all = connect(tmp_path / "new.sqlite", create=True)
    for last in range(1, len(steps) + 1):
        conn = apsw.Connection(str(tmp_path / f"before-{last}.sqlite"))
        migrate(conn, HandClock(), application_id=APPLICATION_ID, steps=steps[:last])
        migrate(conn, HandClock(), application_id=APPLICATION_ID)
        assert list(_schema(conn)) == list(_schema(with_all))


def _schema(conn: apsw.Connection) -> Iterator[str]:
    """What there is, and as what; of rebuilt tables the columns count, not the text that made them."""
    for name, kind in conn.execute("SELECT name, type FROM sqlite_schema ORDER BY type, name").fetchall():
        columns = conn.execute(f"SELECT name, type, pk FROM pragma_table_xinfo('{name}')").fetchall()
        yield f"{kind} {name}: {sorted(columns)}"
