#!/usr/bin/env python3
"""tools/check-style on small trees: which TRY it takes for one that leaks."""
import pathlib
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
LEAKS = "a TRY behind another part of a list leaks that part: take its value before the list"


def check(code):
    """Exit code and words of check-style for a tree with this one source, which begins in line 2."""
    with tempfile.TemporaryDirectory(prefix="nova-style-") as root:
        room = pathlib.Path(root) / "src/base"
        room.mkdir(parents=True)
        (room / "README.md").write_text("# base\n")
        (room / "a.cpp").write_text("#include <string>\n" + code)
        subprocess.run(["git", "init", "-q", root], check=True)
        done = subprocess.run([SOURCE / "tools/check-style", root], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


class CheckStyle(unittest.TestCase):
    def passes(self, code):
        self.assertEqual(check(code), (0, "style: ok\n"))

    def is_refused(self, code, *lines):
        self.assertEqual(check(code), (1, "".join(f"src/base/a.cpp:{line}: {LEAKS}\n" for line in lines)))

    def test_a_try_behind_another_part_of_a_list_is_named(self):
        self.is_refused("Pair f() { return Pair{a(), TRY(b())}; }\n", 2)
        self.is_refused("Pair f() {\n    Pair pair{.first = a(),\n              .second = TRY(b())};\n    return pair;\n}\n", 4)

    def test_each_one_is_named(self):
        self.is_refused("Three f() {\n    return {a(),\n            TRY(b()),\n            TRY(c())};\n}\n", 4, 5)

    def test_a_list_within_a_call_and_a_call_within_a_list_are_seen(self):
        self.is_refused("void f() { g({a(), TRY(b())}); }\n", 2)
        self.is_refused("void f() { Pair p{a(), g(1, h(TRY(b())))}; }\n", 2)

    def test_the_list_around_a_list_counts(self):
        self.is_refused("void f() { Pair p{a(), {TRY(b())}}; }\n", 2)
        self.is_refused("void f() { Pair p{{a(), TRY(b())}, 1}; }\n", 2)

    def test_what_a_lambda_captures_is_a_list(self):
        self.is_refused("void f() { g([a = a(), b = TRY(b())] { return a + b; }); }\n", 2)

    def test_the_first_part_may_try(self):
        self.passes("Pair f() { return Pair{TRY(b()), a(1, 2)}; }\n")
        self.passes("Pair f() { return Pair{g(1, TRY(b())), 2}; }\n")

    def test_arguments_of_a_call_may_try(self):
        self.passes("void f() { g(a(), TRY(b())); }\n")

    def test_a_body_is_no_list(self):
        self.passes("void f() { int a, b; TRY(b()); }\n")
        self.passes("void f() { int a, b; if (a) { TRY(b()); } }\n")

    def test_a_lambda_in_a_list_returns_from_itself(self):
        self.passes("void f() { Pair p{a(), [] { TRY(b()); return done(); }}; }\n")

    def test_a_list_within_such_a_lambda_counts(self):
        self.is_refused("void f() { Pair p{a(), [] { return Pair{a(), TRY(b())}; }}; }\n", 2)

    def test_comments_and_quoted_words_do_not_count(self):
        self.passes('void f() { Pair p{"a,", 1}; /* {a, TRY(b)} */ } // {a, TRY(b)}\nauto x = {1, "TRY(b)"};\n')
        self.passes('auto y = {R"(one, " {)", \'{\', 1\'000, b};\n')
        self.is_refused('void f() {\n/* two\nlines */ auto x = R"(of\n{)"; g({\'"\', TRY(b())}); }\n', 5)


if __name__ == "__main__":
    unittest.main()
