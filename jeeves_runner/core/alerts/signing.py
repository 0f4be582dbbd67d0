"""How what a webhook gets is signed: see the Standard Webhooks specification (standardwebhooks.com).

HMAC-SHA256 over ``ID.TIMESTAMP.BODY``, in the headers ``webhook-id``, ``webhook-timestamp`` and
``webhook-signature``.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Final

_PREFIX: Final = "whsec_"


def key_fault(secret: str) -> str | None:
    """Why a text is no key, as the end of a sentence about it; None: it is one."""
    if not secret.startswith(_PREFIX):
        return None
    try:
        is_empty = not _bytes_of(secret)
    except Base64Error:
        return f"it begins with {_PREFIX}, and what follows is not base64"
    return f"nothing follows its {_PREFIX}" if is_empty else None


def signature(secret: str, alert_id: str, at: str, data: bytes) -> str:
    """The value of the header ``webhook-signature``, by a key that has no fault: after ``whsec_`` base64."""
    signed = f"{alert_id}.{at}.".encode() + data
    return "v1," + b64encode(hmac.new(_bytes_of(secret), signed, hashlib.sha256).digest()).decode()


def _bytes_of(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        return b64decode(secret.removeprefix(_PREFIX), validate=True)
    return secret.encode()
