"""Mutants of blueprints: changed bytes, structure, tags, aliases, encodings, numbers and depth."""

from __future__ import annotations

import random
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]

#: Values that were, or might be, read as something else than what stands there.
VALUES = [
    "", "~", "null", "true", "no", "[]", "{}", "[[]]", "[{}]", "{a: {b: []}}", "''", '"\\0"',
    '"\\u202e"', '"\\e[2J"', '"\\ud800"', "'\u2028'", "é", "中文", "🦊", "=", "<<", "*", "&a", "*a",
    "!", "!!int", "!!float x", "!!null x", "!!str [a]", "!!map [a]", "!!seq {a: b}", "!!set {a}",
    "!!bool maybe", "!!binary aaaa", "!!python/object:os.x {}", "!mine x", "!<tag:x> y", "! x",
    "0", "-1", "1", "007", "0o17", "0b101", "0x" + "f" * 5000, "9" * 400, "9" * 5000, "1_000",
    "190:20:30", "1" + ":59" * 3000, "190:20:30.15", "1e999", "1.0e+999", "-1.0e+999", "1.0e-999",
    ".inf", "-.inf", ".nan", "1.5", "2020-01-01", "2020-99-99", "10:00", "0.1e1", "+.5", "1.",
    "/", "..", "../x", "/dev/zero", "~/x", "-", "- -", "?", "? x", "a: b", "'", '"', "`", "@", "%",
    "{{ x }}", "{% for x in y %}", "{{ 1 / 0 }}", "{{ 'x' * 10 ** 10 }}", "{x}", "{}{}", "%(x)s",
    "x" * 300, "x " * 600, "x" * 100_000, "[" * 50 + "]" * 50, "[" * 200 + "]" * 200, "|\n  text",
    ">\n  folded\n\n  text\n", "label: x >= 3", "'!detrend'", "optional: true", "[detrend, '!x']",
    "{status: finished}", "{label: 'a >= b'}", "{pipeline: [x]}", "sunspots/detrend", "a/b/c",
]  # fmt: skip

KEYS = [
    "kind", "name", "pipeline", "event", "subject", "subjects", "needs", "analyses", "productions",
    "strategy", "status", "comment", "template", "executable", "labels", "refreshable", "scheduler",
    "holds", "hooks", "pipelines", "postprocessing", "review", "outputs", "arguments", "inputs",
    "environment", "max resurrections", "resurrection pause", "repository", "data", "<<", "=", "~",
    "1", "true", "1.0", ".nan", "''", "? [a]\n", "? {a: b}\n", "!!int 1", "null", "é", "x" * 2000,
]  # fmt: skip

KINDS = [
    "subject", "event", "analysis", "projectanalysis", "analysisbundle", "configuration",
    "postprocessing", "SUBJECT", "nothing", "[]", "1",
]  # fmt: skip

#: Documents beside those of the examples: what these have none of.
SEEDS = [
    "kind: analysis\nname: grid-{detrending.degree}-{x}\nsubject: sunspots\npipeline: command\n"
    "template: detrend.ini\nstrategy:\n  detrending.degree: [1, 2, 3]\n  x: [a, b]\n",
    "kind: analysisbundle\nsubject: sunspots\nanalyses:\n- name: one\n  pipeline: command\n"
    "- name: two\n  pipeline: simpletestpipeline\n  needs: [one]\n",
    "kind: postprocessing\nsubject: nile\nname: pages\npostprocessing: {a: {b: 1}}\n",
    "kind: event\nname: S1\nproductions:\n- first:\n    pipeline: simpletestpipeline\n"
    "    status: wait\n    comment: no hurry\n- second:\n    pipeline: simpletestpipeline\n",
    "kind: subject\nname: shared\ncommon: &common {a: 1, b: [1, 2], c: {d: text}}\nanalyses:\n"
    "- name: one\n  pipeline: simpletestpipeline\n  x: *common\n- name: two\n"
    "  pipeline: simpletestpipeline\n  <<: *common\n",
    "kind: configuration\nhooks: {postmonitor: {x: {a: 1}}, applicator: [y]}\nholds:\n"
    "  memory: {act: release, times: 3, factor: 2}\nscheduler: {accounting group: x.y}\n",
    "kind: projectanalysis\nname: across\npipeline: projecttestpipeline\n"
    "subjects: [nile, el-nino]\nlabels: {quality: 3}\nmax resurrections: 2\n"
    "resurrection pause: 1.5\nrefreshable: true\n",
]


def corpus() -> list[str]:
    """Return the documents that are mutated, one each, and some files of several."""
    found = list(SEEDS)
    paths = [
        *ROOT.glob("ledger-examples/*/blueprints/*.yaml"),
        *ROOT.glob("tests/published/blueprints/*.yaml"),
    ]
    for path in sorted(paths):
        text = path.read_text()
        documents = [each for each in re.split(r"^---$", text, flags=re.MULTILINE) if each.strip()]
        found += [each.strip("\n") + "\n" for each in documents]
        found.append("---\n".join(documents[:3]))
    for path in sorted(ROOT.glob("docs/*.md")):
        found += re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
    return found


def mutant(chance: random.Random, documents: list[str]) -> bytes:
    """Return one of the documents with one to four changes."""
    text = chance.choice(documents)
    for _ in range(chance.choice([1, 1, 1, 2, 2, 3, 4])):
        text = chance.choice(_OF_TEXT)(chance, text, documents)
    data = text.encode(errors="surrogatepass")
    if chance.random() < 0.15:
        data = chance.choice(_OF_BYTES)(chance, data)
    return data[:300_000]


# --- of the text


def _value(chance: random.Random, text: str, _: list[str]) -> str:
    """Replace the value of a key."""
    found = list(re.finditer(r"(?<=: )[^\n,{}\[\]]+", text))
    if not found:
        return text
    at = chance.choice(found)
    return text[: at.start()] + chance.choice(VALUES) + text[at.end() :]


def _block(chance: random.Random, text: str, _: list[str]) -> str:
    """Replace all that a key of the top holds."""
    lines = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    number = chance.randrange(len(lines))
    key = lines[number].partition(":")[0]
    lines[number] = f"{key}: {chance.choice(VALUES)}\n"
    return "".join(lines)


def _key(chance: random.Random, text: str, _: list[str]) -> str:
    found = list(re.finditer(r"^[ -]*[\w ]+(?=:)", text, re.MULTILINE))
    if not found:
        return text
    at = chance.choice(found)
    indent = re.match(r"[ -]*", at[0])
    start = indent[0] if indent else ""
    return text[: at.start()] + start + chance.choice(KEYS) + text[at.end() :]


def _added(chance: random.Random, text: str, _: list[str]) -> str:
    line = f"{chance.choice(KEYS)}: {chance.choice(VALUES)}\n"
    lines = text.splitlines(keepends=True)
    at = chance.randint(0, len(lines))
    before = lines[at - 1] if at else ""
    indent = before[: len(before) - len(before.lstrip(" "))]
    return "".join([*lines[:at], indent + line, *lines[at:]])


def _kind(chance: random.Random, text: str, _: list[str]) -> str:
    return re.sub(r"^kind:.*$", f"kind: {chance.choice(KINDS)}", text, count=1, flags=re.MULTILINE)


def _tag(chance: random.Random, text: str, _: list[str]) -> str:
    tags = ["!!int", "!!float", "!!null", "!!bool", "!!str", "!!seq", "!!map", "!!set", "!", "!x"]
    found = list(re.finditer(r"(?<=:) (?=\S)|^(?=---)|(?<=-) ", text, re.MULTILINE))
    if not found:
        return f"--- {chance.choice(tags)}\n{text}"
    at = chance.choice(found).end()
    return f"{text[:at]}{chance.choice(tags)} {text[at:]}"


def _alias(chance: random.Random, text: str, _: list[str]) -> str:
    """Make an anchor somewhere, and aliases of it elsewhere."""
    found = list(re.finditer(r"(?<=: )(?=[^\n])", text))
    if len(found) < 2:
        return text + "a: &a [1]\nb: [*a, *a]\n"
    one, *others = sorted(chance.sample(found, min(len(found), chance.randint(2, 4))), key=_start)
    for other in reversed(others):
        end = text.find("\n", other.end())
        text = text[: other.end()] + "*anchor" + text[end:]
    return f"{text[: one.end()]}&anchor {text[one.end() :]}"


def _start(found: re.Match[str]) -> int:
    return found.start()


def _bomb(chance: random.Random, text: str, _: list[str]) -> str:
    """Add aliases of aliases: in lists, mappings, merges, as keys, of a long text."""
    levels, width = chance.randint(1, 12), chance.randint(1, 30)
    first = chance.choice(["[1, 2]", "{x: 1}", "x", "y" * chance.choice([10, 5000]), "&b [a]"])
    lines = [f"a0: &a0 {first}"]
    for level in range(1, levels + 1):
        alias = f"*a{level - 1}"
        inside = {
            "list": "[" + ", ".join([alias] * width) + "]",
            "map": "{" + ", ".join(f"k{i}: {alias}" for i in range(width)) + "}",
            "merge": "{<<: [" + ", ".join([alias] * width) + f"], m{level}: {alias}}}",
            "deep": "[[[" + alias + "]]]",
        }[chance.choice(["list", "map", "merge", "deep"])]
        lines.append(f"a{level}: &a{level} {inside}")
    return text + "\n".join(lines) + "\n"


def _deep(chance: random.Random, text: str, _: list[str]) -> str:
    depth = chance.choice([10, 50, 95, 101, 300, 2000])
    opening, closing = chance.choice([("[", "]"), ("{a: ", "}"), ("[{a: ", "}]"), ("- ", "")])
    lead = "\n  " if opening == "- " else " "
    return f"{text}deep:{lead}{opening * depth}1{closing * depth}\n"


def _grid(chance: random.Random, text: str, _: list[str]) -> str:
    axes = chance.randint(1, 7)
    count = chance.choice([1, 2, 10, 50])
    lines = [f"  x{i}: [{', '.join(map(str, range(count)))}]" for i in range(axes)]
    names = "".join(f"-{{x{i}}}" for i in range(axes))
    text = re.sub(r"^name: (.*)$", rf"name: \1{names}", text, count=1, flags=re.MULTILINE)
    return text + "strategy:\n" + "\n".join(lines) + "\n"


def _cut(chance: random.Random, text: str, _: list[str]) -> str:
    one, other = sorted(chance.randint(0, len(text)) for _ in range(2))
    return text[:one] + text[min(other, one + 200) :]


def _swap(chance: random.Random, text: str, _: list[str]) -> str:
    lines = text.splitlines(keepends=True)
    chance.shuffle(lines)
    return "".join(lines)


def _repeat(chance: random.Random, text: str, _: list[str]) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = chance.randrange(len(lines))
    return "".join(lines[:at] + [lines[at]] * chance.choice([2, 3, 100]) + lines[at:])


def _indent(chance: random.Random, text: str, _: list[str]) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = chance.randrange(len(lines))
    lines[at] = chance.choice([" ", "  ", "\t", "    ", "- "]) + lines[at]
    return "".join(lines)


def _joined(chance: random.Random, text: str, documents: list[str]) -> str:
    between = chance.choice(["---\n", "...\n", "--- \n---\n", "", "%YAML 1.1\n---\n", "--- # x\n"])
    return text + between + chance.choice(documents)


def _inserted(chance: random.Random, text: str, _: list[str]) -> str:
    at = chance.randint(0, len(text))
    odd = "\0\x07\x1b\x85\u2028\u202e\ufeff\ud800\r\t:-?[]{},#&*!|>'\"%@`\n🦊é"
    return text[:at] + chance.choice(odd) + text[at:]


_OF_TEXT = [
    _value, _value, _value, _value, _block, _block, _block, _key, _key, _added, _added, _kind,
    _tag, _tag, _alias, _bomb, _deep, _grid, _cut, _swap, _repeat, _indent, _joined, _inserted,
]  # fmt: skip


# --- of the bytes


def _flipped(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 5])):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _encoded(chance: random.Random, data: bytes) -> bytes:
    encoding = chance.choice(["utf-16", "utf-16-be", "utf-32", "utf-8-sig", "latin-1", "cp500"])
    return data.decode(errors="replace").encode(encoding, "replace")


def _windows(chance: random.Random, data: bytes) -> bytes:
    return data.replace(b"\n", chance.choice([b"\r\n", b"\r", b"\n\r", b"\xe2\x80\xa8"]))


def _ended(chance: random.Random, data: bytes) -> bytes:
    return data + chance.choice([b"\0", b"\x1a", b"...", b"---", b"\xff\xfe", b"\xef\xbb\xbf"])


_OF_BYTES = [_flipped, _flipped, _encoded, _windows, _ended]
