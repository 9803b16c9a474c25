"""Runs each test against each runtime, several at a time, and prints what came of it."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import bundle
import facts
from case import Case
from suite import Failed

PASSED, FAILED, NEWER, ABSENT = "ok", "FAIL", "newer", "n/a"


def run_one(test, runtime, place, number, probe):
    """(mark, what there is to say)."""
    missing = [need for need in test.needs if not facts.holds(need)]
    if missing:
        return ABSENT, "this machine lacks: " + ", ".join(missing)
    directory = place / f"{runtime.name}-{number}"
    case = Case(runtime, directory, f"{place.name}/{directory.name}", probe)
    try:
        test.body(case)
        case.shows_no_finding()
        return PASSED, ""
    except Failed as failure:
        mark = NEWER if runtime.is_older_than(test.since) else FAILED
        return mark, str(failure)
    except Exception:  # A test's top: whatever it was, the next one runs.
        return (NEWER if runtime.is_older_than(test.since) else FAILED), traceback.format_exc()
    finally:
        case.close()


def make_fit(runtime, place):
    """crun refuses a hybrid layout whose version 2 part has controllers: it gets a host without that part. Ours is a mount namespace of its own."""
    unified = facts.GROUPS / "unified"
    if runtime.name == "crun" and unified.is_mount():
        remove_groups(place.name)  # There they can't be seen any more.
        subprocess.run(["umount", "-l", unified], check=True)


def run_all(tests, runtime, jobs, place, probe):
    make_fit(runtime, place)
    begun = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda numbered: run_one(numbered[1], runtime, place, numbered[0], probe), enumerate(tests)))
    print(f"{runtime.name}: {count(results)} in {time.monotonic() - begun:.1f} s", flush=True)
    return results


def count(results):
    marks = [mark for mark, _ in results]
    words = {PASSED: "passed", FAILED: "failed", NEWER: "newer than the runtime", ABSENT: "not applicable here"}
    return ", ".join(f"{marks.count(mark)} {word}" for mark, word in words.items() if mark in marks or mark in (PASSED, FAILED))


def run(tests, runtimes, jobs, brief=False):
    os.umask(0o022)
    place = pathlib.Path(tempfile.mkdtemp(prefix="nova-conformance-", dir="/tmp"))
    place.chmod(0o755)
    try:
        probe = bundle.compile_probe(place)
        for name in facts.FACTS:
            facts.holds(name)  # Once, before several threads ask.
        results = {runtime.name: run_all(tests, runtime, jobs, place, probe) for runtime in runtimes}
    finally:
        remove_groups(place.name)
        shutil.rmtree(place, ignore_errors=True)
    if not brief:
        print_matrix(tests, results)
    print_failures(tests, results)
    return 1 if any(mark == FAILED for mark, _ in results[runtimes[0].name]) else 0


def remove_groups(name):
    tops = [facts.GROUPS] if facts.cgroup_version() == 2 else [facts.GROUPS / name for name in facts.controllers()]
    for tries in range(40, -1, -1):  # What has just ended may hold its group for a moment.
        left = [path for top in tops for path, _, _ in os.walk(top / name, topdown=False)]
        for path in left:
            try:
                os.rmdir(path)
            except OSError as failure:
                if tries == 0:
                    print(f"left behind: {failure}")
        if not left:
            return
        time.sleep(0.05)


def print_matrix(tests, results):
    width = max(len(test.where) for test in tests)
    long = max(len(test.name) for test in tests)
    print(f"\n{'clause':{width}}  {'test':{long}}  " + "  ".join(f"{name:6}" for name in results))
    for number, test in enumerate(tests):
        print(f"{test.where:{width}}  {test.name:{long}}  " + "  ".join(f"{found[number][0]:6}" for found in results.values()))


def print_failures(tests, results):
    """The first runtime's failures whole, the others' in a line; and what no runtime passes, which the test or the kernel may be to blame for."""
    first = next(iter(results))
    for number, test in enumerate(tests):
        bad = {name: found[number] for name, found in results.items() if found[number][0] == FAILED}
        everywhere = len(results) > 1 and len(bad) == len(results)
        if bad:
            print(f"\n{test.name} ({test.level}, {test.where}): {test.words}")
        if bad and everywhere:
            print("  NO RUNTIME PASSES THIS: the test or this kernel may be at fault")
        for name, (_, words) in bad.items():
            print(f"  {name}: " + (words if name == first else " ".join(words.split())[-300:]))
    absent = sorted({found[number][1] for found in results.values() for number in range(len(tests)) if found[number][0] == ABSENT})
    print("\n" + "\n".join(f"not applicable: {words}" for words in absent))
    for name, found in results.items():
        print(f"{name}: {count(found)}")
