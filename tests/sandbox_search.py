"""Searching for a way out of the sandbox: run in a process of its own, see test_sandbox_search.

From every name that a template has it goes on by attributes, subscripts, calls and filters, first
breadth-first over what is reachable, then by random mixtures with what is known to lead out of
other sandboxes. It fails where a value is reached that is more than data, or where Python tells
its audit hook of something that a template must not do.
"""

from __future__ import annotations

import io
import random
import sys
import time
import types
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import jinja2

from asimov.errors import AsimovError
from asimov.project.config_file import names
from asimov.project.workspace import Workspace
from asimov.rendering import bounds, filters, render, sandbox
from asimov.rendering.access import RefusedError
from asimov.rendering.bounds import ExceededError, budget
from asimov.rendering.origins import Origins
from asimov.rendering.views import Function, Namespace, View

#: Attributes that lead out of other sandboxes.
GADGETS = """
    __class__ __base__ __mro__ mro __subclasses__ __globals__ __init__ __new__ __func__
    __self__ __code__ __closure__ __dict__ __module__ __builtins__ __import__ __getattribute__
    __reduce__ __wrapped__ __defaults__ __call__ __get__ gi_frame gi_code f_globals f_back
    tb_frame __traceback__ __context__ environment _environment _context _func _of _function
    _read _table _undefined_obj _undefined_exception _iterable _body_stream blocks parent vars
    eval_ctx workspace entry scheduler submit make_config set_meta add_file repository journal
    update pop setdefault append clear format format_map os sys open read write
""".split()  # noqa: SIM905

STARTS = """
    self range dict namespace int float str bool lipsum cycler joiner '' 'a' '{0}' 1 1.5 true
    none nosuch [1] {'a':1} (1,2) [] {} namespace(a=1) range(3) dict(a=1) 'a'|escape
    config.sections() {'a':1}.items() {'a':1}.keys() [{'a':1}]|groupby('a') [1]|batch(1)|list
    'a'.upper 'a'.format
""".split()  # noqa: SIM905

#: Statements in front of an expression, for the names that only they make.
PRELUDES = {
    "ns.v": "{% set ns = namespace() %}{% for x in [1, 2] %}{% set ns.v = loop %}{% endfor %}",
    "m": "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}",
    "ns.c": "{% set ns = namespace() %}{% macro n() %}{% set ns.c = caller %}{% endmacro %}"
    "{% call n() %}x{% endcall %}",
    "ns.s": "{% set ns = namespace() %}{% block b %}x{% endblock %}{% set ns.s = self.b %}",
    "t": "{% set t %}text{% endset %}",
}
EXPECTED = (
    AsimovError, jinja2.TemplateError, RefusedError, ExceededError, ArithmeticError, LookupError,
    TypeError, ValueError, AttributeError, AssertionError, RuntimeError, MemoryError,
)  # fmt: skip
#: What no template's expression may come to.
CODE = (
    types.ModuleType, types.FunctionType, types.MethodType, types.BuiltinFunctionType,
    types.MethodWrapperType, types.FrameType, types.CodeType, types.TracebackType,
    types.GeneratorType, type, BaseException, io.IOBase, jinja2.Environment, jinja2.Template,
    jinja2.runtime.Context,
)  # fmt: skip
#: What takes the same time for a value of any size.
INSTANT = tuple(f" is {name}" for name in filters._INSTANT)
#: What asimov itself hands to templates.
HANDED = (View, Function, Namespace)
#: What Python's audit hook is told of and a template must not do. Reading files within the
#: project is for the objects that a template reads.
FORBIDDEN = (
    "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile",
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod",
    "os.truncate", "os.putenv", "os.kill", "subprocess.Popen", "exec", "compile", "import",
    "pty.spawn", "socket.connect", "ctypes.dlopen", "shutil.", "urllib.Request", "code.__new__",
)  # fmt: skip
#: Liquid's filters of addresses look for what Python 2 had, each time.
LIQUIDS = (("urllib.unquote",), ("urllib.urlencode",))


class Search:
    """One search in one environment."""

    def __init__(self, environment: Any, context: dict[str, Any], root: Path, seed: int) -> None:
        self.environment = environment
        self.context = context
        self.root = root
        self.random = random.Random(seed)
        self.armed = False
        self.events: list[str] = []
        self.found: list[str] = []
        self.tried = 0
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        if event == "open":
            path, mode, flags = (*arguments, None, 0)[:3]
            reads = not (isinstance(flags, int) and flags & 0o3) and "w" not in str(mode or "")
            if reads and isinstance(path, (str, Path)) and Path(path).is_relative_to(self.root):
                return
            self.events.append(f"open {path} {mode}")
        elif event.startswith(FORBIDDEN) and arguments[:1] not in LIQUIDS:
            self.events.append(f"{event} {arguments!r:.100}")

    def value(self, prelude: str, expression: str) -> Any:
        """Return what an expression of a template comes to, or the expected error."""

        def run() -> Any:
            text = f"{prelude}{{% set result = ({expression}) %}}{{{{ result }}}}"
            self.armed = False  # Jinja itself compiles
            template = self.environment.from_string(text)
            context = template.new_context(self.context)
            self.armed = True
            for _ in template.root_render_func(context):
                pass
            return context.vars["result"]

        return self.result(prelude + expression, run)

    def result(self, what: str, run: Callable[[], Any]) -> Any:
        """Return what something comes to that a template can do, or the expected error."""
        self.tried += 1
        try:
            with budget():
                self.armed = True
                try:
                    result = run()
                    self._judge(result, what)
                finally:
                    self.armed = False
        except EXPECTED as error:
            result = error
        except BaseException as error:
            self.found.append(f"{what}: raised {type(error).__name__}: {error}")
            result = error
        if self.events:
            self.found.append(f"{what}: {self.events}")
            self.events = []
        return result

    def _judge(self, value: Any, what: str) -> None:
        todo = [value]
        for _ in range(1000):
            if not todo:
                return
            each = todo.pop()
            kind = type(each)
            own = kind.__module__.startswith("asimov") and not isinstance(each, HANDED)
            if isinstance(each, CODE) or own:
                self.found.append(f"{what}: reaches a {kind.__module__}.{kind.__name__}")
                return
            if isinstance(each, dict):
                todo += chain(each, each.values())
            elif isinstance(each, (list, tuple, set, frozenset)):
                todo += each

    def costs(self, until: float) -> None:
        """Do one thing after another to large values: the steps must tell of their size."""
        env = self.environment
        context = env.from_string("").new_context({})
        size = 100_000
        for value in ("ab cd-ef<" * (size // 9), [0] * size, ["ab"] * (size // 3), b"a" * size):
            readable = sandbox.READABLE[type(value)]
            runs: list[tuple[str, Callable[..., Any]]] = [
                *((f"|{n}", partial(self._filter, n, value)) for n in env.filters),
                *((f" is {n}", partial(self._test, n, value)) for n in env.tests),
                *((f".{n}", partial(self._method, context, n, value)) for n in readable),
            ]
            for name, run in runs:
                for given in ((), (self.random.choice(["a", 0, 3, value]),), (value,), ("a", "b")):
                    if time.monotonic() > until:
                        return
                    self._pays(f"a large {type(value).__name__}{name}", partial(run, given), size)
            for text in ("a == b", "a != b", "a < b", "'x' in a", "a + b", "a ~ b", "[a, b]"):
                template = env.from_string(f"{{% if {text} %}}{{% endif %}}")
                given = {"a": value, "b": value[:-1] + value[:1]}
                self._pays(
                    f"{text} of {type(value).__name__}", partial(template.render, given), size
                )

    def _filter(self, name: str, value: Any, given: tuple[Any, ...]) -> Any:
        context = self.environment.from_string("").new_context({})
        return self.environment.call_filter(name, value, given, None, context)

    def _test(self, name: str, value: Any, given: tuple[Any, ...]) -> Any:
        return self.environment.call_test(name, value, given)

    def _method(self, context: Any, name: str, value: Any, given: tuple[Any, ...]) -> Any:
        return self.environment.call(context, self.environment.getattr(value, name), *given)

    def _pays(self, what: str, run: Callable[[], Any], size: int) -> None:
        """Note what looked at a value of a size and paid next to nothing for it."""
        self.tried += 1
        with budget():
            try:
                run()
            except EXPECTED:  # what fails ends the rendering, and is paid by that
                return
            left = bounds._budget.get()
            assert left is not None
            if bounds.STEPS - left.steps < size // 1000 and not what.endswith(INSTANT):
                self.found.append(f"{what}: takes {bounds.STEPS - left.steps} steps")

    def starts(self) -> Iterator[tuple[str, str]]:
        """Yield what the search begins at."""
        for name in (*self.context, *STARTS, *self.environment.globals):
            yield "", name
        for name, prelude in PRELUDES.items():
            yield prelude, name

    def steps(self, value: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Yield what a template can do with a value, as the code does that Jinja makes of it."""
        env, context = self.environment, self.empty
        of = getattr(value, "_of", value) if isinstance(value, View) else value
        forms: list[tuple[str, Callable[[str], Any]]] = [
            (".{}", lambda name: env.getattr(value, name)),
            ("['{}']", lambda name: env.getitem(value, name)),
            ("|attr('{}')", lambda name: env.call_filter("attr", value, [name], context=context)),
            ("|map('{}')", lambda name: env.call_filter("map", [value], [name], context=context)),
            (
                "|map(attribute='{}')",
                lambda name: env.call_filter("map", [value], (), {"attribute": name}, context),
            ),
            (
                "|format('{}')",
                lambda name: env.call(context, env.getattr(f"{{0.{name}}}", "format"), value),
            ),
            ("|groupby('{}')", lambda name: env.call_filter("groupby", [value], [name])),
        ]
        if "where" in env.filters:
            forms.append(("|where('{}')", lambda n: env.call_filter("where", [value], [n, 1])))
        for name in dict.fromkeys([*dir(of), *GADGETS]):
            for form, do in (*forms[:2], self.random.choice(forms[2:])):
                yield form.format(name), partial(do, name)
        for given in ((), ("a",), ("general", "webroot"), (0,), ({},), ([1],), ("__class__",)):
            yield f"{given}", partial(env.call, context, value, *given)
        yield "[0]", partial(env.getitem, value, 0)
        for name in env.filters:
            for given in ((), (self.random.choice(["a", 0, "__class__", [], {}, value]),)):
                yield f"|{name}{given}", partial(env.call_filter, name, value, given, None, context)

    def breadth_first(self, until: float, depth: int = 4) -> None:
        """Look at everything that is one step away, then two, and so on."""
        self.empty = self.environment.from_string("").new_context(self.context)
        level: list[tuple[str, Any]] = [
            (name, self.value(prelude, name)) for prelude, name in self.starts()
        ]
        seen: set[tuple[Any, ...]] = set()
        for _ in range(depth):
            following = []
            self.random.shuffle(level)
            for what, value in level:
                kind = type(getattr(value, "_of", value) if isinstance(value, View) else value)
                known = (kind, what.rpartition(".")[2] if kind is Function else "")
                if isinstance(value, BaseException) or known in seen:
                    continue
                seen.add(known)
                for step, run in self.steps(value):
                    if time.monotonic() > until or len(self.found) > 20:
                        return
                    following.append((what + step, self.result(what + step, run)))
            level = following

    def at_random(self, until: float) -> None:
        """Put steps behind each other until the time is over."""
        starts = list(self.starts())
        filters = list(self.environment.filters)
        while time.monotonic() < until and len(self.found) <= 20:
            prelude, expression = self.random.choice(starts)
            for _ in range(self.random.randint(1, 5)):
                name = self.random.choice(GADGETS)
                other = self.random.choice(starts)[1]
                expression = self.random.choice(
                    [f"{expression}.{name}", f"{expression}['{name}']", f"{expression}()",
                     f"{expression}({other})", f"{expression}|{self.random.choice(filters)}",
                     f"{expression}|{self.random.choice(filters)}({other})", f"[{expression}][0]",
                     f"({expression}) * 9999", f"({expression}) ** 99", f"({expression}) % {other}",
                     f"({expression}) ~ {other}", f"{{'a': {expression}}}.a",
                     f"dict(a={expression}).get('a')", f"({expression} or {other})"]
                )  # fmt: skip
            if "ns." in expression and not prelude:
                continue
            self.value(prelude, expression)


def main(root: str, dialect: str, kind: str, seed: int, seconds: float) -> int:
    """Search, print what was found, and return how much that was."""
    workspace = Workspace.open(Path(root))
    context = names(workspace.analysis(("s", "b")))
    if kind == "data":
        environment: Any = render._data(dialect, (), Origins())
    else:  # how it was before there was a sandbox
        environment = render._code(dialect, (), Origins())
    search = Search(environment, context, Path(root).resolve(), seed)
    # What is imported when it is first used is no doing of a template.
    warm = ["production.review", "production.priors", "production.assets", "'now'|date('%Y')",
            "production.event.repository.find_prods()", "production.get_psds()", "meta|to_yaml",
            "pipeline.get_prior_interface()", "pipeline.dag_file", "subject.productions",
            "production.get_configuration()", "production.results()", "'a'|escape", "{}|tojson",
            "'a'|url_encode", "'a'|url_decode", "'a'|urlencode", "pipeline.options",
            "'2026-01-01'|date('%Y')"]  # fmt: skip
    for expression in warm:
        armed, search.events = search.events, []
        search.value("", expression)
        search.events, search.found = armed, []
    end = time.monotonic() + seconds
    if kind == "data":
        search.costs(end - seconds / 2)
    search.breadth_first(end - seconds / 4)
    search.at_random(end)
    workspace.journal.close()
    print(f"{search.tried} expressions")
    print("\n".join(search.found))
    return min(len(search.found), 100)


if __name__ == "__main__":
    root, dialect, kind, seed, seconds = sys.argv[1:]
    sys.exit(main(root, dialect, kind, int(seed), float(seconds)))
