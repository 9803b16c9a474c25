#!/usr/bin/env python3
"""tools/check-rooms on small trees: it believes ARCHITECTURE.md and nothing else."""
import pathlib
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TABLE = """
## Rooms under src/

| room | in one sentence | may include |
|---|---|---|
| `base` | strings | nothing |
| `sys` | the kernel | base |
| `apps` | mains | all |

## How one request flows

| `sys` | another table | nothing |
"""
FILES = {"base/a.h": "#pragma once\n", "sys/b.cpp": '#include <vector>\n#include "base/a.h"\n#include "sys/b.h"\n', "apps/x/main.cpp": '#include "sys/b.h"\n',
         "sys/CMakeLists.txt": "nova_room(sys ROOMS base LIBS seccomp)\n"}


def check(table=TABLE, **files):
    """Exit code and words of check-rooms for a tree of these files, with '__' for '/' and '_dot_' for '.' in their names."""
    with tempfile.TemporaryDirectory(prefix="nova-rooms-") as root:
        root = pathlib.Path(root)
        (root / "ARCHITECTURE.md").write_text(table)
        for name, text in (FILES | {name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()}).items():
            path = root / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([SOURCE / "tools/check-rooms", root], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.replace(str(root) + "/", "") + done.stderr


class CheckRooms(unittest.TestCase):
    def test_a_tree_that_keeps_the_table_passes(self):
        self.assertEqual(check(), (0, "rooms: ok\n"))

    def test_an_include_that_the_table_does_not_allow_is_named(self):
        self.assertEqual(check(base__a_dot_h='#include <map>\n#include "sys/b.h"\n'), (1, "src/base/a.h:2: base may not include sys\n"))

    def test_the_table_decides(self):
        taken_away = TABLE.replace("| the kernel | base |", "| the kernel | nothing |")
        self.assertEqual(check(taken_away), (1, "src/sys/b.cpp:2: sys may not include base\nsrc/sys/CMakeLists.txt: sys may not be linked with base\n"))
        given = TABLE.replace("| strings | nothing |", "| strings | sys |")
        self.assertEqual(check(given, base__a_dot_h='#include "sys/b.h"\n'), (0, "rooms: ok\n"))

    def test_a_folder_without_a_row_and_a_row_without_a_folder_are_named(self):
        self.assertEqual(check(extra__c_dot_h=""), (1, "src/extra: is no room of ARCHITECTURE.md\n"))
        self.assertEqual(check(TABLE.replace("| `sys` | the", "| `moon` | far | base |\n| `sys` | the")), (1, "ARCHITECTURE.md: there is no src/moon\n"))

    def test_a_word_in_the_table_that_is_no_room_is_named(self):
        code, words = check(TABLE.replace("| the kernel | base |", "| the kernel | base bass |"))
        self.assertEqual((code, words), (1, "ARCHITECTURE.md: sys may include bass, which is no room\n"))

    def test_linking_against_the_table_is_named(self):
        code, words = check(base__CMakeLists_dot_txt="nova_room(base ROOMS sys)\n")
        self.assertEqual((code, words), (1, "src/base/CMakeLists.txt: base may not be linked with sys\n"))

    def test_a_document_without_the_table_does_not_pass(self):
        code, words = check("# Architecture\n")
        self.assertEqual(code, 1)
        self.assertIn("ARCHITECTURE.md: has no table of rooms", words)

    def test_a_row_that_cannot_be_read_does_not_pass(self):
        code, words = check(TABLE.replace("| the kernel | base |", "| the kernel | base, the one above |"))
        self.assertEqual((code, words.splitlines()[0]), (1, "src/sys: is no room of ARCHITECTURE.md"))


if __name__ == "__main__":
    unittest.main()
