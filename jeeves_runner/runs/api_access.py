"""How the scripts of runs reach this runner's API: where it is, and with which token.

A token counts while its run runs. It is made of the run's mark and a key that this process alone has, so it
can be told to the script once its start is committed, while the database keeps no more than its digest.
"""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from secrets import token_bytes

from jeeves_runner.core.api_tokens import RANDOM_BYTES, digest, run_token


class ApiAccess:
    """``url``: where the API listens; None until it does."""

    def __init__(self) -> None:
        self.url: str | None = None
        self._key = token_bytes(RANDOM_BYTES)

    def digest(self, mark: str) -> str:
        """What is recorded with a start of this mark."""
        return digest(self._secret(mark))

    def token(self, run_id: int, mark: str) -> str:
        """The token of the run that started with this mark. Keep it out of texts."""
        return run_token(run_id, self._secret(mark))

    def _secret(self, mark: str) -> str:
        made = hmac.digest(self._key, mark.encode(), sha256)
        return urlsafe_b64encode(made).rstrip(b"=").decode()
