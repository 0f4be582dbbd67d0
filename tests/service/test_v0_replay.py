"""The recording of the original, played again below ``/v0`` of a server that does the same work.

What the original was told to write, the manifests are told here: such a request is refused with the name of a
file, the file is written, and what follows must be answered as it was there. Where it is not, the
documentation says why.
"""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from support.docs import read, table
from support.original import Recorded, recorded
from support.server import PATIENCE, Server, database, serving, until

from jeeves_runner.api.v0.refusals import REPLACED
from jeeves_runner.client import Client

pytestmark = pytest.mark.service

OK: Final = 'echo hello\necho \'JR_RESULT:{"tokens":42,"meta":"m1"}\'\n'
BAD: Final = "echo out\necho oops >&2\nexit 3\n"
CONFIG: Final = "port: 0\nlog: {level: warning}\nrunners: {sh: sh, py: python3}\n"

TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
MEASURED: Final = frozenset({"uptime", "durationMs", "duration_ms", "oldestAge"})
"""Numbers that are another one each time."""

ABSENT: Final = frozenset({"never", "sess", "a/b", "<script>alert(1)</script>"})
"""Jobs that manifests cannot declare, and why: they never occur, have no gateway, or no id of this form."""

BAD_LIMIT: Final = {
    "statusCode": 400,
    "code": "FST_ERR_VALIDATION",
    "error": "Bad Request",
    "message": "querystring/limit must be integer",
}
NOT_FOUND: Final = {"error": "Job not found"}


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: Any


class Other(NamedTuple):
    """How an answer differs from that of the original."""

    row: str
    """The row of the documentation that says so."""
    answer: Callable[[Answer], Answer]
    """What is answered instead."""


def told(status: int, body: object) -> Callable[[Answer], Answer]:
    return lambda _: Answer(status, body)


def with_body(change: Callable[[Any], Any]) -> Callable[[Answer], Answer]:
    def changed(answer: Answer) -> Answer:
        body = deepcopy(answer.body)
        return Answer(answer.status, change(body) or body)

    return changed


def listed(body: Any) -> None:
    body["jobs"] = sorted((job for job in body["jobs"] if job["id"] not in ABSENT), key=lambda job: job["id"])
    for job in body["jobs"]:
        match job["id"]:
            case "rr":
                job["schedule"] = '{"rrule":"FREQ=DAILY;BYHOUR=3","start":"2026-01-01T00:00:00Z"}'
            case "inl":
                job["script"] = "echo 2"
            case "bad":
                job["on_failure"] = None


def missing(body: Any) -> None:
    message = "the script does not exist: /no/such/file.sh; create it, or correct the path"
    body["result"] |= {"exitCode": None, "stderrTail": "", "error": message}


def settings(body: Any) -> None:
    found = body["result"][0] if "result" in body else body
    del found["gatewayUrl"]
    found |= {"port": 0, "logging": {"level": "warning"}, "jobsDir": "jobs.d"}


DIFFERENT: Final[Mapping[str, Other]] = {
    "GET /status": Other("version", lambda answer: answer),
    "GET /jobs": Other("what manifests write otherwise", with_body(listed)),
    "GET /jobs/bad": Other(
        "what manifests write otherwise", with_body(lambda body: body["job"].update(on_failure=None))
    ),
    "GET /jobs/a%2Fb": Other("ids", told(404, NOT_FOUND)),
    "POST /jobs/miss/run": Other("a script that is missing", with_body(missing)),
    "POST /jobs/sess/run": Other("sessions without a gateway", told(404, {"error": "Job not found: sess"})),
    "GET /jobs/sess/runs": Other("sessions without a gateway", told(200, {"runs": []})),
    "GET /state/ns/coll": Other("order", with_body(lambda body: body["items"].reverse())),
    "GET /state/ns/coll?path=$.items[*].itemKey": Other(
        "order", with_body(lambda body: body["result"].reverse())
    ),
    "GET /config": Other("`GET /config`", with_body(settings)),
    "GET /config?path=$[": Other("`GET /config`", with_body(settings)),
    "GET /config?path=$.port": Other("`GET /config`", with_body(lambda body: body.update(result=[0]))),
}


class World:
    """A project whose files take the place of the original's writes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.jobs: dict[str, dict[str, Any]] = {}
        (root / "jobs.d").mkdir()
        (root / "scripts").mkdir()
        (root / "scripts" / "ok.sh").write_text(OK)
        (root / "scripts" / "bad.sh").write_text(BAD)
        (root / "jeeves-runner.yaml").write_text(CONFIG)

    def work(self) -> None:
        """The state and the items that scripts of the original had left."""
        with Client(database(self.root)) as jr:
            jr.enqueue("q1", {"n": "failed"}, max_attempts=1)
            (given,) = jr.claim("q1")
            jr.fail(given, "no")
            jr.enqueue("q1", {"n": "claimed"})
            jr.claim("q1", lease="1h")
            for number in range(3):
                jr.enqueue("q1", {"n": number}, priority=number)
            jr.set_state("ns", "k", "v1")
            with jr.transaction():
                for number in range(3):
                    jr.set_item("ns", "coll", f"i{number}", f"val{number}")

    def write(self, each: Recorded, server: Server) -> None:
        """Bring the manifests to where the request has brought the original's table, and wait for them."""
        sent: Any = each.sent
        job = each.target.split("/")[2] if each.method != "POST" else sent["id"]
        if job in ABSENT - {"never"}:
            return
        path = self.root / "jobs.d" / f"{job}.yaml"
        if each.method == "DELETE":
            (self.root / "jobs.d" / "never.yaml").unlink(missing_ok=True)
            path.unlink()
            until(lambda: ask(server, "GET", f"/jobs/{job}").status == 404)
            return
        self.jobs.setdefault(job, {}).update(sent)
        path.write_text(json.dumps(manifest(self.jobs[job])))
        if job != "never":
            before = server.get("/sync")["revision"]
            until(lambda: _is_applied(server, job, self.jobs[job]), patience=PATIENCE)
            assert server.get("/sync")["revision"] >= before


def manifest(row: Mapping[str, Any]) -> dict[str, Any]:
    """A job of the original as a manifest declares it."""
    found = {key: row[key] for key in ("name", "description", "env", "args", "enabled") if key in row}
    if row["id"] == "inl":
        found["run"] = "echo 2"
    else:
        found["script"] = row["script"]
    is_rule = row["schedule"].startswith("{")
    rule = {"rrule": "FREQ=DAILY;BYHOUR=3", "start": "2026-01-01T00:00:00Z"}
    found["schedule"] = rule if is_rule else row["schedule"]
    if "timeout_seconds" in row:
        found["timeout"] = f"{int(row['timeout_seconds'] * 1000)}ms"
    return found


def _is_applied(server: Server, job: str, row: Mapping[str, Any]) -> bool:
    found = ask(server, "GET", f"/jobs/{job}")
    if found.status != 200:
        return False
    shown = found.body["job"]
    script = row["script"] if job != "inl" else "echo 2"
    return (shown["name"], shown["description"]) == (row["name"], row.get("description")) and shown[
        "script"
    ].endswith(script)


def ask(
    server: Server, method: str, target: str, data: bytes | None = None, kind: str | None = None
) -> Answer:
    request = urllib.request.Request(f"{server.url}/v0{target}", data, method=method)
    if kind is not None:
        request.add_header("Content-Type", kind)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return _read(answer)
    except urllib.error.HTTPError as error:
        return _read(error)


def _read(answer: Any) -> Answer:
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    return Answer(answer.status, json.load(answer))


def comparable(value: Any, root: Path) -> Any:
    """Without what is another one each time: times, lengths, numbers of rows, and the folder."""
    if isinstance(value, dict):
        return {
            key: 0 if key in MEASURED and part is not None else "id" if key == "id" and isinstance(part, int)
            else "version" if key == "version"
            else comparable(part, root)
            for key, part in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [comparable(part, root) for part in value]
    if isinstance(value, str):
        return TIME.sub("TIME", value.replace(f"{root}/", ""))
    return value


def is_replaced(each: Recorded) -> bool:
    return any(
        replaced.method == each.method
        and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", replaced.path), f"/v0{each.target}")
        for replaced in REPLACED
    )


def expected(each: Recorded, world: World) -> tuple[str | None, Answer]:
    """What is to be answered, and the row of the documentation if that is not what the original did."""
    answer = Answer(each.status, each.body)
    if is_replaced(each) and each.status != 404 and not each.body.get("code", "").startswith("FST_"):
        return "writes", Answer(405, place_of(each, world))
    if each.target.endswith("limit=abc"):
        return "a `limit` that is no number", Answer(400, BAD_LIMIT)
    if each.request == "DELETE /jobs/a" or each.request not in DIFFERENT:
        return None, answer
    other = DIFFERENT[each.request]
    return other.row, other.answer(answer)


def place_of(each: Recorded, world: World) -> dict[str, str]:
    if each.target == "/config/apply":
        place = world.root / "jeeves-runner.yaml"
        text = f"settings are read from {place} when the server starts; edit it and start the server again"
    elif each.target == "/jobs":
        text = f"jobs are declared in manifests: add or edit a file in {world.root / 'jobs.d'}"
    else:
        job = each.target.split("/")[2]
        text = f"job {job} is declared in jobs.d/{job}.yaml:1; edit it there"
    return {"error": text}


def test_what_the_original_answered_is_answered(tmp_path: Path) -> None:
    world = World(tmp_path)
    rows: set[str] = set()
    faults: list[str] = []
    with serving(tmp_path) as server:
        world.work()
        for each in recorded():
            row, wanted = expected(each, world)
            rows |= {row} if row else set()
            data, headers = each.content
            answer = ask(server, each.method, each.target, data, headers.get("Content-Type"))
            faults += differences(each, wanted, answer, world)
            if is_replaced(each) and each.status in (200, 201) and each.target != "/config/apply":
                world.write(each, server)
    assert faults == []
    assert rows <= described()


def differences(each: Recorded, wanted: Answer, answer: Answer, world: World) -> Iterator[str]:
    ours, theirs = comparable(answer.body, world.root), comparable(wanted.body, world.root)
    if each.request == "GET /status":
        theirs["health"]["totalJobs"] = len(world.jobs.keys() - ABSENT)
    if (answer.status, ours) != (wanted.status, theirs):
        yield f"{each.request}: {wanted.status} {json.dumps(theirs)} != {answer.status} {json.dumps(ours)}"


def described() -> set[str]:
    return {row[0] for row in table(read("reference/v0.md"), "what differs")}
