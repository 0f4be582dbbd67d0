"""Templates become HTML. Whatever is put into one is text: jinja2 escapes it, in all templates."""

from functools import cache

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from jinja2.meta import find_referenced_templates

from jeeves_runner.api.kept_pages import Made
from jeeves_runner.clock import thread_seconds
from jeeves_runner.dashboard.files import module, place_of
from jeeves_runner.dashboard.look import FILTERS
from jeeves_runner.dashboard.shipped import TEMPLATES
from jeeves_runner.dashboard.spark import spark


def render(template: str, **values: object) -> Made:
    """A page in UTF-8, with the seconds of processor that it took. Not in the event loop: the first one
    compiles its template, which is not counted: none of the pages to come does so."""
    compiled = _compiled(template)
    began = thread_seconds()
    text = compiled.render(values)
    return Made(text.encode("utf-8", "replace"), thread_seconds() - began)


@cache
def _compiled(name: str) -> Template:
    """A template, after all those that it names."""
    for each in find_referenced_templates(_templates().parse(TEMPLATES[name].decode())):
        if each is not None:
            _compiled(each)
    return _templates().get_template(name)


@cache
def _templates() -> Environment:
    made = Environment(
        loader=DictLoader({name: text.decode() for name, text in TEMPLATES.items()}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS)
    made.filters["spark"] = spark
    made.globals |= {"file": place_of, "module": module}
    return made
