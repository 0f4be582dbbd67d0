"""The pages that act, and those that let people in to it."""

from functools import partial
from typing import Final

from jeeves_runner.api.callers import Role
from jeeves_runner.api.route import Route, act, look
from jeeves_runner.dashboard.pages import acts, job_acts, login
from jeeves_runner.dashboard.places import LOGIN, LOGOUT

_forms = partial(look, answers={200: str}, problems={404}, role=Role.OPERATE)

ACTS: Final[tuple[Route, ...]] = (
    look(LOGIN, "The page to log in", login.form, {200: str}, role=Role.OPEN),
    act(LOGIN, "The form by which a browser is let in", login.log_in, {303: None}, role=Role.OPEN),
    act(LOGOUT, "The button that ends it", login.log_out, {303: None}, role=Role.OPEN),
    _forms("/act", "What is done with the runner", acts.runner_acts),
    _forms("/jobs/{job}/act", "What is done with a job", job_acts.job_acts),
    _forms("/runs/{run}/act", "What is done with a run", acts.run_acts),
    _forms("/queues/{queue}/act", "What is done with a queue", acts.queue_acts),
    _forms("/queues/{queue}/items/{item}/act", "What is done with an item", acts.item_acts),
)
