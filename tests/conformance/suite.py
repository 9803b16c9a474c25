"""The table of clauses: each test says which clause of the OCI runtime specification it holds a runtime to.

A test is a function of a Case. Its name is a sentence, its docstring says in our words what the clause asks for.
"""
import dataclasses
import inspect
import typing

MUST, SHOULD, MAY = "MUST", "SHOULD", "MAY"


@dataclasses.dataclass(frozen=True)
class Test:
    name: str
    words: str  # What the clause asks for.
    where: str  # A file of the specification and a heading in it.
    level: str
    since: str  # The version of the specification that brought it.
    needs: tuple  # Facts of this machine (facts.py), without which nothing can be said.
    group: str  # The module that the test is in.
    body: typing.Callable


TESTS = []


def add(name, words, where, body, level=MUST, since="1.0.0", needs=(), group=None):
    if any(test.name == name for test in TESTS):
        raise ValueError(f"two tests are called {name}")
    needs = (needs,) if isinstance(needs, str) else tuple(needs)
    TESTS.append(Test(name, words, where, level, since, needs, group or body.__module__.removeprefix("clauses_"), body))


def clause(where, level=MUST, since="1.0.0", needs=()):
    def register(body):
        add(body.__name__, " ".join(inspect.getdoc(body).split()), where, body, level, since, needs)
        return body
    return register


class Failed(AssertionError):
    pass


def expect(condition, *words):
    if not condition:
        raise Failed(": ".join(str(word) for word in words))


def equal(found, wanted, what=""):
    expect(found == wanted, *([what] if what else []), f"is {found!r}, not {wanted!r}")


def table():
    """The table of README.md, from the tests themselves."""
    lines = ["| clause | level | what it asks for | test |", "|---|---|---|---|"]
    for test in TESTS:
        level = test.level + (f" (since {test.since})" if test.since > "1.0.0" else "")
        lines.append(f"| {test.where} | {level} | {test.words} | `{test.name}` |")
    return "\n".join(lines) + "\n"
