"""What a run is told and started with, and what its preparation makes of a job: for tests of that."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jeeves_runner.core.model import JobSpec, SourceType
from jeeves_runner.core.outcome import Exited
from jeeves_runner.execute.contract import Order, RunFacts
from jeeves_runner.execute.local.environment import Surroundings
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.prepare import Prepared, prepare
from jeeves_runner.execute.output.sink import Output

BASE = {"PATH": "/usr/bin:/bin", "HOME": "/home/somebody", "SECRET_IN_ENV": "swordfish"}


class Facts(NamedTuple):
    """What a run is told, and the project it runs in."""

    run: RunFacts
    around: Surroundings

    @property
    def project_dir(self) -> str:
        return self.around.project_dir

    @property
    def data_dir(self) -> str:
        return self.around.data_dir

    def but(self, **changes: object) -> "Facts":
        return self._replace(run=self.run._replace(**changes))  # type: ignore[arg-type]


def facts_in(tmp_path: Path) -> Facts:
    """Those of a retry whose project is this folder."""
    run = RunFacts(
        run_id=12,
        job_id="digest",
        mark="f" * 32,
        attempt=2,
        trigger="retry",
        scheduled_for="2026-11-24T03:00:00.000Z",
        namespace="digest",
        params={},
        api_url=None,
    )
    around = Surroundings(
        project_dir=str(tmp_path),
        data_dir=str(tmp_path / "data"),
        db_path=str(tmp_path / "data" / "runner.sqlite"),
        runners={},
        base_env=BASE,
    )
    return Facts(run, around)


def prepared_for(
    spec: JobSpec, facts: Facts, *, runners: Mapping[str, str] | None = None, base: Mapping[str, str] = BASE
) -> Prepared:
    return prepare(Order(spec, facts.run), facts.around._replace(runners=runners or {}, base_env=base))


def job(**changes: object) -> JobSpec:
    return JobSpec(id="digest", name="Digest")._replace(**changes)  # type: ignore[arg-type]


def inline(text: str, **changes: object) -> JobSpec:
    return job(source_type=SourceType.INLINE, script=text, **changes)


def script(facts: Facts, name: str, content: str = "", mode: int = 0o644) -> Path:
    path = Path(facts.project_dir, name)
    path.write_text(content)
    path.chmod(mode)
    return path


def argv_of(facts: Facts, path: Path, runners: Mapping[str, str] | None = None) -> tuple[str, ...]:
    return prepared_for(job(script=str(path)), facts, runners=runners).launch.argv


def output_of(prepared: Prepared) -> str:
    """What the prepared launch prints when it really runs."""

    async def scenario() -> str:
        output = Output(None, 0)
        await output.prepared(secrets=prepared.secrets, script_hash=prepared.script_hash)
        executor = Launcher()
        handle = await executor.start(prepared.launch, output)
        ending = await executor.wait(handle.run_id)
        output.close()
        assert ending == Exited(code=0), output.stderr_tail
        return output.stdout_tail or ""

    return asyncio.run(scenario())
