"""The sandbox that renders a project's templates: they can read data, but not run code.

It has three defences, each of which would suffice without the others:

- a template gets plain data, and views instead of objects (`asimov.rendering.views`),
- it may read only the attributes listed here for the type of a value, and may call only `Function`,
  which is made from listed ones, and what templates define themselves,
- every access, call, operation and value is counted (`asimov.rendering.bounds`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, time, timedelta
from pathlib import PurePath
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import missing, pass_context
from jinja2.visitor import NodeTransformer

from asimov.rendering import bounds, filters
from asimov.rendering.access import RefusedError
from asimov.rendering.bounds import ExceededError, check_size, measure, step
from asimov.rendering.views import MISSING, OF_JINJA, Function, Namespace, View, viewed
from asimov.text import quoted

_TEXT = frozenset(
    """
    capitalize casefold center count endswith find format format_map index isalnum isalpha
    isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper
    join ljust lower lstrip partition removeprefix removesuffix replace rfind rindex rjust
    rpartition rsplit rstrip split splitlines startswith strip swapcase title upper zfill
    """.split()  # noqa: SIM905
)
_DATE = "year month day hour minute second microsecond isoformat strftime weekday isoweekday date"
#: The attributes of plain data that may be read, by type; a bool is an int.
READABLE: dict[type, frozenset[str]] = {
    str: _TEXT,
    bytes: frozenset({"decode"}),
    dict: frozenset({"get", "keys", "values", "items", "copy"}),
    list: frozenset({"index", "count", "copy"}),
    tuple: frozenset({"index", "count", "grouper", "list"}),  # the latter two: of `groupby`
    set: frozenset({"union", "intersection", "difference", "issubset", "issuperset", "copy"}),
    frozenset: frozenset({"union", "intersection", "difference", "issubset", "issuperset"}),
    int: frozenset({"bit_length", "numerator", "denominator", "real", "imag"}),
    float: frozenset({"is_integer", "real", "imag", "hex"}),
    range: frozenset({"start", "stop", "step"}),
    date: frozenset(_DATE.split()),
    time: frozenset(_DATE.split()),
    timedelta: frozenset({"days", "seconds", "total_seconds"}),
    PurePath: frozenset({"name", "stem", "suffix", "parent", "parts"}),
}
_SUBSCRIPTED = (str, bytes, dict, list, tuple, range)
#: Types of values that templates make, and may call.
_THEIR_OWN = (Macro, LoopContext, BlockReference)


class _Question(Function):
    """A function that `_Metered` calls; it does its own counting."""

    __slots__ = ()


class _Metered(NodeTransformer):
    """Add calls for counting wherever a template makes or repeats a value without a call."""

    def visit_TemplateData(self, node: nodes.TemplateData) -> nodes.Node:  # noqa: N802
        # As an expression, so that what is printed in a loop counts each time.
        return nodes.Const(node.data, lineno=node.lineno)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.iter = _asked("looped", node.iter)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _asked("made", node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _asked("made", node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return node if node.ctx == "store" else _asked("made", node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _asked("joined", *node.nodes)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _asked("compared", node.expr)
        for operand in node.ops:
            looks = operand.op in ("in", "notin")
            operand.expr = _asked("searched" if looks else "compared", operand.expr)
        return node

    def visit_ScopedEvalContextModifier(self, node: nodes.Node) -> nodes.Node:  # noqa: N802
        message = "a project's template may not use the tag {% autoescape %}; remove it"
        raise jinja2.TemplateSyntaxError(message, node.lineno)


def _asked(name: str, *values: Any) -> nodes.Call:
    line = values[0].lineno
    asked = nodes.EnvironmentAttribute(name, lineno=line)
    return nodes.Call(asked, list(values), [], None, None, lineno=line)


class _Generator(CodeGenerator):
    def write_commons(self) -> None:
        super().write_commons()
        self.writeline("resolve = environment.resolver(context)")

    def visit_Template(self, node: nodes.Template, frame: Any = None) -> None:  # noqa: N802
        _Metered().visit(node)
        node.set_environment(self.environment)
        super().visit_Template(node, frame)


class _Template(jinja2.Template):
    """A template that sees only views, whichever template includes it."""

    def new_context(
        self,
        vars: dict[str, Any] | None = None,
        shared: bool = False,
        locals: Mapping[str, Any] | None = None,
    ) -> Context:
        """Return the context of one rendering."""
        given = {name: viewed(value) for name, value in (vars or {}).items()}
        kept = {
            name: value if value is missing else viewed(value)
            for name, value in (locals or {}).items()
        }
        # The globals of a package's template that includes this one are not passed on.
        return super().new_context({**given, **self.globals}, shared, kept)


@pass_context
def _finalize(context: Context, value: Any) -> str:
    """Return the text that an expression prints."""
    return bounds.printed(str(measure(value)))


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment for templates that are data.

    Attributes
    ----------
    functions
        What templates may call besides ``range``, ``dict`` and ``namespace``.
    constants
        The names of globals that are kept.
    added
        The filters of the dialect.
    readable
        What may be read of values that templates make, by type.
    """

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)
    template_class = _Template
    code_generator_class = _Generator
    functions: Mapping[str, Callable[..., Any]] = {}
    constants: Collection[str] = ()
    added = filters.Filters()
    readable: Mapping[type, frozenset[str]] = OF_JINJA

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, autoescape=False, optimized=False, finalize=_finalize)
        self.globals = {}
        #: The functions that `_Metered` calls.
        self.made = self.compared = _Question(measure)
        self.looped = _Question(_looped)
        self.joined = _Question(_joined)
        self.searched = _Question(bounds.searched)

    def contain(self) -> None:
        """Remove what extensions of the dialect have added; call this last."""
        kept = {name: self.globals[name] for name in self.constants if name in self.globals}
        functions: dict[str, Any] = {"range": safe_range, "dict": dict, **self.functions}
        self.globals = {
            **kept,
            **{name: Function(function) for name, function in functions.items()},
            "namespace": Function(Namespace),
        }
        filters.contain(self, self.added)

    # --- reading values

    def resolver(self, context: Context) -> Callable[[str], Any]:
        """Return a function that looks up names in a context.

        If a package's template extends a project's template, that one gets its context, with the
        objects themselves.
        """
        if context.environment is self:
            return context.resolve_or_missing

        def resolve(name: str) -> Any:
            if name in self.globals and name not in context.vars:
                return self.globals[name]
            value = context.resolve_or_missing(name)
            return value if value is missing else viewed(value)

        return resolve

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return the attribute of a name, or else the item of that key."""
        value = self.attribute_of(obj, attribute)
        if value is MISSING:
            value = self.item_of(obj, attribute)
        return self._nothing(obj, attribute) if value is MISSING else value

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return the item of a key, or else the attribute of that name."""
        value = self.item_of(obj, argument)
        if value is MISSING and isinstance(argument, str):
            value = self.attribute_of(obj, argument)
        return self._nothing(obj, argument) if value is MISSING else value

    def attribute_of(self, obj: Any, name: str) -> Any:  # noqa: PLR0911  (a table of types)
        """Return an attribute that a project's template may read; `MISSING` if there is none.

        Raises
        ------
        RefusedError
            If it exists and is closed.
        """
        step()
        kind = type(obj)
        if name == "__len__" and hasattr(kind, name):  # as a dialect's '.size' asks
            return Function(lambda: len(obj))
        if isinstance(obj, Undefined):
            return obj[name]  # raises, with the name of what is undefined
        if isinstance(obj, View):
            return obj.read(name)
        if not name.startswith("_"):
            if isinstance(obj, Namespace):
                return getattr(obj, name, MISSING)
            if isinstance(obj, jinja2.environment.TemplateModule):
                return vars(obj).get(name, MISSING)
        if name in self._readable(kind):
            value = getattr(obj, name, MISSING)
            if value is MISSING:
                return MISSING
            return self._method(obj, name, value) if callable(value) else value
        hidden = name.startswith("_") and not isinstance(obj, _SUBSCRIPTED)
        if hidden or any(name in vars(each) for each in kind.__mro__):
            raise RefusedError(f"a project's template may not read {name!r} of {_described(obj)}")
        return MISSING

    def _readable(self, kind: type) -> frozenset[str]:
        names = self.readable.get(kind)
        if names is not None:
            return names
        return next((READABLE[each] for each in kind.__mro__ if each in READABLE), frozenset())

    def item_of(self, obj: Any, key: Any) -> Any:
        """Return the item of a key; `MISSING` if there is none."""
        step()
        if isinstance(obj, View):
            return obj.item(key)
        if isinstance(obj, (Undefined, TemplateReference, *_SUBSCRIPTED)):
            try:
                return obj[key]
            except (TypeError, LookupError):
                pass
        return MISSING

    def _nothing(self, obj: Any, name: Any) -> Undefined:
        hint = f"{obj.kind!r} has no attribute {name!r}" if isinstance(obj, View) else None
        return self.undefined(hint, obj=obj, name=name)

    def _method(self, obj: Any, name: str, bound: Any) -> Any:
        if isinstance(obj, (LoopContext, Macro, BlockReference)):
            return bound if isinstance(obj, BlockReference) else Function(bound)
        if isinstance(obj, str) and name in ("format", "format_map"):
            return Function(lambda *a, **k: self._formatted(obj, name, a, k))

        def call(*arguments: Any, **named: Any) -> Any:
            if not isinstance(obj, dict):  # looking up a key reads no other items
                measure(obj)
            filters.check_growth(name, (obj, *arguments), named)
            return bound(*arguments, **named)

        return Function(call)

    def _formatted(self, text: str, name: str, given: tuple[Any, ...], named: Any) -> str:
        if name == "format_map":
            (named,), given = given, ()
        return filters.Formatter(self).vformat(str(text), given, named)

    # --- calls and operators

    def call(__self, __context: Context, __obj: Any, *given: Any, **named: Any) -> Any:  # noqa: N805
        """Call a function that a project's template may call.

        Raises
        ------
        RefusedError
            If it is anything else.
        """
        step()
        if isinstance(__obj, _Question):
            return __obj(*given)
        for each in (*given, *named.values()):
            measure(each)
        if isinstance(__obj, _THEIR_OWN):
            return __context.call(__obj, *given, **named)
        if isinstance(__obj, Undefined):
            return __obj()  # raises, with the name of what is undefined
        if not isinstance(__obj, Function):
            raise RefusedError(f"a project's template may not call {_described(__obj)}")
        named = {k: v for k, v in named.items() if k not in ("_loop_vars", "_block_vars")}
        if any(name.startswith("_") for name in named):
            raise RefusedError("a project's template may not name an argument with '_' in front")
        return measure(__obj(*given, **named))

    def call_binop(self, context: Context | None, operator: str, left: Any, right: Any) -> Any:
        """Apply an operator.

        Raises
        ------
        ExceededError
            If its result would be too large.
        """
        step()
        measure(left), measure(right)
        if operator == "*":
            for one, other in ((left, right), (right, left)):
                if isinstance(one, (str, bytes, list, tuple)) and isinstance(other, int):
                    check_size(len(one) * max(other, 0))
        elif operator == "**" and isinstance(left, int) and isinstance(right, int):
            if abs(left) > 1 and left.bit_length() * max(right, 0) > bounds.BITS:
                raise ExceededError(bounds.TOO_MANY_DIGITS)
        elif operator == "%" and isinstance(left, (str, bytes)):
            text = left if isinstance(left, str) else left.decode("latin-1")
            filters.check_printf(text, right)
        return measure(self.binop_table[operator](left, right))


def _looped(values: Any) -> Any:
    """Count the rounds of a loop before it starts."""
    measure(values)
    if hasattr(type(values), "__len__"):
        step(len(values))
    return values


def _joined(*values: Any) -> Any:
    return measure("".join(str(measure(each)) for each in values))


def _described(value: Any) -> str:
    """Describe a value for messages."""
    if isinstance(value, View):
        return value.what
    if isinstance(value, (str, int, float)):
        return quoted(value, 40)
    return f"a {type(value).__name__}"
