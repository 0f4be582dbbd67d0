"""The one way that a run's output takes: masked, decoded, then kept as tail, result and log."""

import codecs
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from jeeves_runner.execute.contract import StreamName
from jeeves_runner.execute.output.automaton import Automaton
from jeeves_runner.execute.output.log_place import LogPlace, stdout_of
from jeeves_runner.execute.output.log_thread import PATIENCE, ThreadedLog
from jeeves_runner.execute.output.mask import Masker, masked, masked_json
from jeeves_runner.execute.output.masks import mask_of
from jeeves_runner.execute.output.own_tokens import TokenMasker, without_tokens
from jeeves_runner.execute.output.result_line import ResultLine
from jeeves_runner.execute.output.stream_tail import StreamTail

WITHHELD: Final = "what it says is not shown: its secrets are not known any more, so they could not be masked"
"""What is said in the place of all that a run says."""

_Utf8Decoder = codecs.getincrementaldecoder("utf-8")


class Output:
    """A sink for both streams of one run.

    The tails and the result are complete after ``close``. Masking comes before everything else,
    and nothing depends on where the chunks were cut.
    """

    def __init__(
        self,
        log: LogPlace | None,
        log_max: int,
        on_progress: Callable[[str | None, int | None], None] = lambda _message, _tokens: None,
        *,
        copies_stdout: bool = False,
    ) -> None:
        """``log`` None: there is none; ``log_max`` is the log's greatest size in bytes. ``on_progress`` gets
        what is said of the run meanwhile, masked: message and tokens, as of ``Sink.progress``.
        ``copies_stdout``: what goes to stdout is besides written to a file of its own, of that size too."""
        self._secrets: dict[str, None] = {}
        self._mask: Automaton | None = None
        self._stdout = _Stream(None)
        self._stderr = _Stream(None)
        self._log = None if log is None else ThreadedLog(log, log_max)
        self._begin_copy: Callable[[], ThreadedLog] | None = None
        if log is not None and copies_stdout:
            self._begin_copy = partial(ThreadedLog, stdout_of(log), log_max, is_copy=True)
        self._copy = None if self._begin_copy is None else self._begin_copy()
        self._result = ResultLine()
        self._on_progress = on_progress
        self._closed = False
        self._ends_line = True
        self.is_withheld = False
        self.script_hash: str | None = None
        self.result: str | None = None
        self.result_note: str | None = None

    @property
    def stdout_tail(self) -> str | None:
        return self._stdout.tail.text()

    @property
    def stderr_tail(self) -> str | None:
        return self._stderr.tail.text()

    async def prepared(self, *, secrets: Sequence[str], script_hash: str | None) -> None:
        """Mask these in all that is written from here on, and note the digest of what runs."""
        self.script_hash = script_hash
        self._secrets |= dict.fromkeys(secrets)
        if (mask := await mask_of(tuple(self._secrets))) is not None:
            self._mask = mask
            self._begin_streams()

    def withhold(self) -> None:
        """Show nothing of what is written or said from here on: what is to be masked in it is not known."""
        self.is_withheld = True

    def masked(self, text: str) -> str:
        """What else is said of the run, without its secrets."""
        return WITHHELD if self.is_withheld else without_tokens(masked(text, self._mask))

    def write(self, stream: StreamName, data: bytes) -> None:
        """Take a chunk of a stream, cut anywhere."""
        if self.is_withheld:
            return
        source = self._stdout if stream == "stdout" else self._stderr
        self._pass_on(source, source.decode(data))

    def progress(self, message: str | None = None, tokens: int | None = None) -> None:
        """Pass on what there is to say of the run now."""
        self._on_progress(None if message is None else self.masked(message), tokens)

    def begin_part(self) -> None:
        """Another program of the run follows, in a line of its own of the same log. Tails, result and
        the copy of stdout are its own; what was masked stays so."""
        for stream in (self._stdout, self._stderr):
            self._pass_on(stream, stream.finish())
        if self._log is not None and not self._ends_line:
            self._log.write(b"\n")
        if self._copy is not None and self._begin_copy is not None:
            self._copy.discard()
            self._copy = self._begin_copy()
        self._begin_streams()
        self._result = ResultLine()
        self.script_hash = None

    def close(self) -> None:
        """Pass on what was held back, and have the log closed; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        for stream in (self._stdout, self._stderr):
            self._pass_on(stream, stream.finish())
        self.result, self.result_note = self._result.close()
        if self.result is not None:
            # JSON can escape any character, so a secret may show only once it is decoded.
            self.result = without_tokens(masked_json(self.result, self._mask))
        if self.is_withheld:
            self.result_note = WITHHELD
        for file in self._files:
            file.close()

    async def is_log_written(self, patience: float = PATIENCE) -> bool:
        """Wait until the log holds all there is, or ``patience`` seconds; whether it does."""
        for file in reversed(
            self._files
        ):  # one thread writes them: what is written last is the last to wait for
            if not await file.is_written(patience):
                return False
        return True

    @property
    def _files(self) -> list[ThreadedLog]:
        return [file for file in (self._log, self._copy) if file is not None]

    def _begin_streams(self) -> None:
        self._stdout, self._stderr = _Stream(self._mask), _Stream(self._mask)

    def _pass_on(self, stream: "_Stream", text: str) -> None:
        if not text:
            return
        if stream is self._stdout:
            self._result.feed(text)
        self._ends_line = text.endswith("\n")
        data = text.encode()
        stream.tail.add(data)
        if self._log is not None:
            self._log.write(data)
        if self._copy is not None and stream is self._stdout:
            self._copy.write(data)


class _Stream:
    """What one stream holds back and keeps."""

    def __init__(self, mask: Automaton | None) -> None:
        self._masker = Masker(mask)
        self._tokens = TokenMasker()
        self._decoder = _Utf8Decoder("replace")
        self.tail = StreamTail()

    def decode(self, data: bytes) -> str:
        return self._decoder.decode(self._tokens.feed(self._masker.feed(data)))

    def finish(self) -> str:
        rest = self._tokens.feed(self._masker.close()) + self._tokens.close()
        return self._decoder.decode(rest, True)
