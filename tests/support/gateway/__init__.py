"""A double of the OpenClaw gateway, which answers as the real one was seen to.

Take it for jobs of type session. ``double()`` is one in a thread, ``double_process()`` one as a process.
Where its settings name a file for its state, that outlives a kill. What its sessions do stands in their tasks
(``script.py``); what goes wrong on the wire is switched on (``faults.py``).
"""

from support.gateway.double import Double, double, double_process
from support.gateway.faults import Fault, answer, big, crash, drop, half, hang, husk, late, no_status, torn
from support.gateway.settings import Settings
from support.gateway.versions import NEWEST, OLDEST, WITHOUT_TIMEOUT

__all__ = [
    "NEWEST",
    "OLDEST",
    "WITHOUT_TIMEOUT",
    "Double",
    "Fault",
    "Settings",
    "answer",
    "big",
    "crash",
    "double",
    "double_process",
    "drop",
    "half",
    "hang",
    "husk",
    "late",
    "no_status",
    "torn",
]
