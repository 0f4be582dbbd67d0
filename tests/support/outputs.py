"""The output of a run, as its sink makes it of chunks that come in any size."""

import asyncio
from itertools import pairwise

from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.sink import Output

SECRETS = ("hunter2-secret", "hunter2-secret-longer", "sésame ouvre", "abcabcabd")


def collected(
    *chunks: bytes, secrets: tuple[str, ...] = (), log: LogPlace | None = None, log_max: int = 1 << 20
) -> Output:
    """What has become of these chunks of the standard output; its log is on disk by then."""
    output = Output(log, log_max)
    asyncio.run(output.prepared(secrets=secrets, script_hash=None))
    for chunk in chunks:
        output.write("stdout", chunk)
    output.close()
    if log is not None:
        assert asyncio.run(output.is_log_written())
    return output


def cut_at(data: bytes, places: list[int]) -> list[bytes]:
    """The same in chunks. Places beyond its end are counted on from its beginning."""
    borders = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(borders)]
