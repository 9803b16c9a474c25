#include "sys/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/abort_guard_testing.h"
#include "sys/file.h"

namespace nova::sys {
namespace {

using base::Code;
using base::Deadline;
using std::chrono::milliseconds;
using std::chrono::seconds;

RunSpec shell(const std::string& script)
{
    RunSpec spec;
    spec.child = {.program = "/bin/sh", .argv = {"sh", "-c", script}};
    return spec;
}

TEST(RunChild, gives_both_streams_and_the_exit_code)
{
    auto spec = shell("cat; echo bad >&2; exit 3");
    spec.input = std::string(300'000, 'x');
    auto const finished = run_child(spec).value();
    EXPECT_EQ(finished.out, spec.input);
    EXPECT_EQ(finished.err, "bad\n");
    EXPECT_EQ(finished.status, (ExitStatus{.code = 3, .signal = 0}));
}

TEST(RunChild, survives_a_program_that_does_not_read_its_input)
{
    auto spec = shell("exec <&-; sleep 0.1; echo done");
    spec.input = std::string(1'000'000, 'x');
    EXPECT_EQ(run_child(spec).value().out, "done\n");
}

TEST(RunChild, kills_what_takes_too_long)
{
    auto spec = shell("sleep 20");
    spec.deadline = Deadline::after(milliseconds{50});
    EXPECT_EQ(run_child(spec).error().code(), Code::deadline_exceeded);
}

TEST(RunChild, does_not_wait_for_what_the_program_left_behind)
{
    auto const pid = std::stoi(run_child(shell("sleep 600 & echo $!")).value().out);
    EXPECT_EQ(::kill(pid, SIGKILL), 0) << "it was still there";
}

TEST(RunChild, names_the_last_line_of_stderr_when_it_must_succeed)
{
    auto const failed = run_child_that_succeeds(shell("echo first >&2; echo last >&2; exit 4"));
    EXPECT_EQ(failed.error().message(), "sh: exit code 4: last");
}

TEST(Spawn, tells_when_there_is_no_such_program)
{
    auto const spawned = spawn({.program = "/nowhere/program", .argv = {"x"}});
    EXPECT_EQ(spawned.error().code(), Code::not_found) << spawned.error().message();
}

TEST(Spawn, starts_a_program_from_a_descriptor)
{
    auto const program = open_file("/bin/sh", O_RDONLY).value();
    RunSpec spec;
    spec.child = {.program_fd = program.get(), .argv = {"sh", "-c", "echo from memory"}};
    EXPECT_EQ(run_child(spec).value().out, "from memory\n");
}

TEST(Spawn, hands_over_only_the_named_descriptors_even_when_places_cross)
{
    auto const a = open_file("/dev/null", O_RDONLY).value();
    auto const b = open_file("/dev/zero", O_RDONLY).value();
    UniqueFd const leak{::dup(a.get())};
    auto spec = shell("for f in /proc/self/fd/*; do echo ${f##*/} $(readlink $f); done");
    spec.child.pass = {{a.get(), b.get()}, {b.get(), a.get()}};
    auto const out = run_child(spec).value().out;
    EXPECT_NE(out.find(std::to_string(b.get()) + " /dev/null\n"), std::string::npos) << out;
    EXPECT_NE(out.find(std::to_string(a.get()) + " /dev/zero\n"), std::string::npos) << out;
    EXPECT_EQ(out.find("\n" + std::to_string(leak.get()) + " "), std::string::npos) << out;
}

TEST(Spawn, sets_signals_back_to_the_default)
{
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t block;
    ::sigemptyset(&block);
    ::sigaddset(&block, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &block, nullptr);
    auto const out = run_child(shell("grep -E 'SigBlk|SigIgn' /proc/self/status")).value().out;
    ::pthread_sigmask(SIG_UNBLOCK, &block, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    EXPECT_EQ(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Spawn, sets_back_the_signals_that_the_c_library_keeps_for_itself)
{
    struct {
        void* handler;
        unsigned long flags, restorer, mask;
    } const ignored{reinterpret_cast<void*>(1), 0, 0, 0}, standard{nullptr, 0, 0, 0}; // 1 is SIG_IGN.
    ::syscall(SYS_rt_sigaction, 33, &ignored, nullptr, 8);
    auto const out = run_child(shell("grep SigIgn /proc/self/status")).value().out;
    ::syscall(SYS_rt_sigaction, 33, &standard, nullptr, 8);
    EXPECT_EQ(out, "SigIgn:\t0000000000000000\n");
}

TEST(Spawn, gives_the_environment_and_directory_that_were_asked_for)
{
    auto spec = shell("pwd; env | sort");
    spec.child.env = {"A=1"};
    spec.child.cwd = "/usr";
    auto const out = run_child(spec).value().out;
    EXPECT_TRUE(out.starts_with("/usr\nA=1\n")) << out;
    EXPECT_EQ(out.find("PATH="), std::string::npos) << out;
}

TEST(Child, is_killed_and_reaped_when_its_handle_dies)
{
    pid_t pid = 0;
    {
        auto const child = spawn({.program = "/bin/sleep", .argv = {"sleep", "30"}}).value();
        pid = child.pid();
        EXPECT_EQ(pid_of(child.pidfd()).value(), pid);
        EXPECT_GT(start_ticks(pid).value(), 0u);
    }
    EXPECT_EQ(open_pidfd(pid).error().code(), Code::not_found);
}

TEST(Child, tells_the_signal_that_ended_it)
{
    auto child = spawn({.program = "/bin/sleep", .argv = {"sleep", "30"}}).value();
    EXPECT_EQ(child.wait(Deadline::after(milliseconds{5})).value(), std::nullopt);
    ASSERT_TRUE(child.signal(SIGKILL).ok());
    auto const status = child.wait(Deadline::never()).value().value();
    EXPECT_EQ(status.as_exit_code(), 137);
    EXPECT_EQ(to_string(status), "signal 9 (killed)");
}

TEST(HeldChild, runs_nothing_until_it_is_let_go_and_tells_what_failed)
{
    auto const path = testing::TempDir() + "held-" + std::to_string(::getpid());
    base::AbortGuard const guard{path};
    ChildSpec spec{.program = "/bin/sh", .argv = {"sh", "-c", "echo ran > " + path}};
    {
        auto held = spawn_held(spec).value();
        EXPECT_GT(held.pid(), 0);
    }
    EXPECT_FALSE(exists(path));
    auto child = spawn_held(spec).value().go().value();
    EXPECT_TRUE(child.wait(Deadline::never()).value()->success());
    EXPECT_EQ(read_file(path).value(), "ran\n");
    remove_file(path).value();
    spec.program = "/nowhere/program";
    EXPECT_EQ(spawn_held(spec).value().go().error().code(), Code::not_found);
}

TEST(Pidfd, tells_how_a_stranger_ended_where_the_kernel_keeps_it)
{
    // The shell's child is not ours; the shell reaps it.
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    UniqueFd const to_read{ends[0]};
    UniqueFd to_write{ends[1]};
    auto shell =
        spawn({.program = "/bin/sh", .argv = {"sh", "-c", "sh -c 'read word; exit 7'; true"}, .in = to_read.get()}).value();
    std::string children;
    while (children.empty())
        children =
            read_file("/proc/" + std::to_string(shell.pid()) + "/task/" + std::to_string(shell.pid()) + "/children").value();
    auto const stranger = open_pidfd(std::stoi(children)).value();
    to_write.reset(); // Not before somebody looks.
    auto const status = exit_of_stranger(stranger.get(), Deadline::after(seconds{60}));
    shell.wait(Deadline::never()).value();
    if (!status.ok() || !status.value())
        GTEST_SKIP() << "the kernel is older than 6.15";
    EXPECT_EQ(status.value()->code, 7);
}

} // namespace
} // namespace nova::sys
