#include <sys/stat.h>

#include "supervisor/supervisor_fixture.h"

namespace nova::supervisor {
namespace {

using base::Code;
using testing::Test;

class Supervisor : public SupervisorFixture {};

TEST_F(Supervisor, logs_both_streams_line_by_line_with_their_time)
{
    auto const started = client->start(shell("web", "echo one; echo two >&2; printf three; exit 3")).value();
    EXPECT_EQ(started.state, State::running);
    EXPECT_GT(started.pid, 0);
    auto const ended = wait_for_end("web");
    EXPECT_EQ(ended.exit_code, 3);
    EXPECT_EQ(ended.state, State::exited);
    EXPECT_EQ(ended.pid, started.pid);
    EXPECT_GE(ended.finished, ended.started);
    auto lines = log_of("web");
    ASSERT_EQ(lines.size(), 3u);
    for (const auto& line : lines) {
        EXPECT_EQ(line.time.size(), 30u);
        EXPECT_GE(line.time, started.started);
    }
    std::sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
    EXPECT_EQ(lines[0].text + lines[0].stream, "onestdout");
    EXPECT_EQ(lines[1].text + lines[1].stream, "threestdout");
    EXPECT_EQ(lines[1].part, Part::partial) << "its line had no end";
    EXPECT_EQ(lines[2].text + lines[2].stream, "twostderr");
}

TEST_F(Supervisor, tells_the_signal_that_ended_a_process)
{
    client->start(shell("web", "exec sleep 60")).value();
    ASSERT_TRUE(client->signal("web", SIGTERM).ok());
    EXPECT_EQ(wait_for_end("web").exit_code, 128 + SIGTERM);
    EXPECT_EQ(client->signal("web", SIGTERM).error().code(), Code::not_found);
    EXPECT_EQ(client->signal("none", SIGTERM).error().code(), Code::not_found);
}

TEST_F(Supervisor, gives_a_process_only_its_own_environment_and_descriptors)
{
    auto spec = shell("web", "env; pwd; ls /proc/self/fd; grep SigBlk /proc/self/status; umask");
    spec.env = {"PATH=/usr/bin:/bin", "COLOUR=blue sky"};
    spec.cwd = "/usr";
    client->start(spec).value();
    wait_for_end("web");
    auto const texts = texts_of("web");
    auto const has = [&](const std::string& text) { return std::count(texts.begin(), texts.end(), text) == 1; };
    EXPECT_TRUE(has("COLOUR=blue sky") && has("/usr") && has("0") && has("1") && has("2") && has("SigBlk:\t0000000000000000"))
        << base::join(texts, "\n");
    EXPECT_TRUE(has("3") && !has("4")) << "3 is ls's own: " << base::join(texts, "\n");
    EXPECT_TRUE(has("0022"));
}

TEST_F(Supervisor, refuses_a_second_of_the_same_name_until_the_first_has_ended)
{
    auto const spec = shell("web", "exec sleep 60");
    client->start(spec).value();
    EXPECT_EQ(client->start(spec).error().code(), Code::already_exists);
    EXPECT_EQ(client->forget("web").error().code(), Code::failed_precondition);
    client->signal("web", SIGKILL).value();
    wait_for_end("web");
    EXPECT_TRUE(client->start(shell("web", "exit 7")).ok());
    EXPECT_EQ(wait_for_end("web").exit_code, 7);
    EXPECT_TRUE(client->forget("web").ok());
    EXPECT_TRUE(client->forget("web").ok()) << "absence is accepted";
    EXPECT_EQ(client->get("web").error().code(), Code::not_found);
    EXPECT_FALSE(sys::exists(root + "/supervisor/processes/web"));
}

TEST_F(Supervisor, leaves_nothing_of_a_process_that_could_not_start)
{
    auto spec = shell("web", "");
    spec.argv = {"/nowhere/program"};
    auto const started = client->start(spec);
    EXPECT_EQ(started.error().code(), Code::not_found) << started.error().message();
    EXPECT_EQ(client->get("web").error().code(), Code::not_found);
    EXPECT_FALSE(sys::exists(root + "/supervisor/processes/web"));
    for (const auto* id : {"", ".", "..", "../x", "a/b", "a b"}) {
        spec.id = id;
        EXPECT_EQ(client->start(spec).error().code(), Code::invalid_argument) << id;
    }
}

TEST_F(Supervisor, never_writes_a_log_through_a_link)
{
    ASSERT_EQ(::symlink((root + "/victim").c_str(), log_path("web").c_str()), 0);
    EXPECT_FALSE(client->start(shell("web", "echo gotcha")).ok());
    EXPECT_FALSE(sys::exists(root + "/victim"));
}

TEST_F(Supervisor, follows_the_daemon_that_a_launcher_leaves_behind)
{
    auto const daemon = "echo from the daemon; " + wait_for_go() + "; exit 9";
    auto spec = shell("pod", "echo starting; sh -c '" + daemon + "' & echo $! > " + root + "/pid");
    spec.pid_file = root + "/pid";
    auto const started = client->start(spec).value();
    auto const status = sys::read_file("/proc/" + std::to_string(started.pid) + "/status").value();
    // Newer kernels tell an exit code to strangers too; those of Debian 12 to the parent alone.
    EXPECT_NE(status.find("PPid:\t" + std::to_string(supervisor_pid()) + "\n"), std::string::npos)
        << "it is no subreaper: " << status;
    EXPECT_EQ(std::to_string(started.pid) + "\n", sys::read_file(root + "/pid").value());
    EXPECT_EQ(started.state, State::running);
    let_go();
    EXPECT_EQ(wait_for_end("pod").exit_code, 9);
    auto texts = texts_of("pod");
    std::sort(texts.begin(), texts.end());
    EXPECT_EQ(texts, (std::vector<std::string>{"from the daemon", "starting"}));
}

TEST_F(Supervisor, knows_the_exit_code_even_of_a_daemon_that_ends_before_its_launcher)
{
    // A shell that lives when its child ends waits for it, and nobody else learns the code: so the daemon ends after that one,
    // and the launcher once it is a zombie.
    auto spec = shell("pod", "cd " + root + R"(
        sh -c 'sh -c "while [ -d /proc/$$ ]; do sleep 0.01; done; exit 5" & echo $! > pid'
        while [ -d /proc/$(cat pid) ] && ! grep -q State:.Z /proc/$(cat pid)/status; do sleep 0.01; done)");
    spec.pid_file = root + "/pid";
    client->start(spec).value();
    EXPECT_EQ(wait_for_end("pod").exit_code, 5);
}

TEST_F(Supervisor, tells_what_a_launcher_said_when_it_failed)
{
    auto spec = shell("pod", "echo 'no such image' >&2; exit 1");
    spec.pid_file = root + "/pid";
    auto const started = client->start(spec);
    EXPECT_EQ(started.error().code(), Code::internal);
    EXPECT_EQ(started.error().message(), "no such image");
    EXPECT_TRUE(eventually([&] { return failed_with(client->get("pod"), Code::not_found); }));
    spec.argv.back() = "true";
    EXPECT_NE(client->start(spec).error().message().find("left no pid"), std::string::npos);
}

TEST_F(Supervisor, runs_its_own_program_under_the_name_nb)
{
    auto spec = shell("nb", "");
    spec.argv = {"nb", "supervise", "--check"};
    client->start(spec).value();
    EXPECT_EQ(wait_for_end("nb").exit_code, 0);
    EXPECT_EQ(texts_of("nb"), std::vector<std::string>{"supervisor 1"});
}

TEST_F(Supervisor, gives_an_exec_its_streams_and_its_exit_code)
{
    client->start(shell("web", "exec sleep 60")).value();
    auto session = client->exec({.id = "web", .argv = {"/bin/sh", "-c", "cat; echo err >&2; exit 6"}}).value();
    sys::write_all(session.in.get(), "typed\n").value();
    session.in.reset();
    EXPECT_EQ(sys::read_all(session.out.get()).value(), "typed\n");
    EXPECT_EQ(sys::read_all(session.err.get()).value(), "err\n");
    int code = -1;
    EXPECT_EQ(::read(session.exit.get(), &code, sizeof code), static_cast<ssize_t>(sizeof code));
    EXPECT_EQ(code, 6);
    EXPECT_EQ(client->exec({.id = "none", .argv = {"/bin/true"}}).error().code(), Code::not_found);
}

TEST_F(Supervisor, gives_an_exec_a_terminal_of_the_wanted_size)
{
    client->start(shell("web", "exec sleep 60")).value();
    ExecSpec spec{.id = "web", .argv = {"/bin/sh", "-c", "tty; stty size; exit 4"}, .terminal = true, .columns = 101, .rows = 33};
    auto const session = client->exec(spec).value();
    auto const said = read_until(session.out.get(), "33 101\r\n");
    EXPECT_NE(said.find("/dev/pts/"), std::string::npos) << said;
    EXPECT_NE(said.find("33 101\r\n"), std::string::npos) << said;
    int code = -1;
    EXPECT_EQ(::read(session.exit.get(), &code, sizeof code), static_cast<ssize_t>(sizeof code));
    EXPECT_EQ(code, 4);
}

TEST_F(Supervisor, shows_a_terminal_to_all_who_attach_and_takes_what_they_type)
{
    auto spec =
        shell("tty", "stty -echo; echo ready; while read line; do echo \"got $line\"; [ $line = size ] && stty size; done");
    spec.stdio = model::StdioMode::terminal;
    client->start(spec).value();
    ASSERT_TRUE(eventually([&] { return !texts_of("tty").empty(); }));
    auto const first = client->attach("tty").value();
    auto const second = client->attach("tty").value();
    sys::write_all(first.stream.get(), "hello\n").value();
    EXPECT_EQ(read_until(first.stream.get(), "\n"), "got hello\r\n");
    EXPECT_EQ(read_until(second.stream.get(), "\n"), "got hello\r\n");
    client->resize("tty", 120, 50).value();
    sys::write_all(second.stream.get(), "size\n").value();
    EXPECT_EQ(read_until(first.stream.get(), "120\r\n"), "got size\r\n50 120\r\n");
    client->signal("tty", SIGKILL).value();
    EXPECT_EQ(read_until(first.stream.get(), "never"), "") << "attached ones are told the end";
    std::vector<std::string> const all{"ready", "got hello", "got size", "50 120"}; // Shown first, then logged.
    EXPECT_TRUE(eventually([&] { return texts_of("tty").size() >= all.size(); }));
    EXPECT_EQ(texts_of("tty"), all);
}

TEST_F(Supervisor, takes_the_terminal_that_a_launcher_sends)
{
    auto spec = shell("pod", "");
    auto const script = R"(
import array, os, pty, socket, sys
pid, master = pty.fork()
if pid == 0:
    os.execv('/bin/sh', ['sh', '-c', 'stty -echo; echo ready; while read line; do echo "got $line"; stty size; done'])
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendmsg([b'/dev/ptmx'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [master]))])
print('launched', flush=True)
open(sys.argv[2], 'w').write(str(pid)))";
    spec.stdio = model::StdioMode::terminal;
    spec.terminal_socket = root + "/terminal.sock";
    spec.pid_file = root + "/pid";
    spec.argv = {"/usr/bin/python3", "-c", script, spec.terminal_socket, spec.pid_file};
    client->start(spec).value();
    EXPECT_FALSE(sys::exists(spec.terminal_socket));
    client->resize("pod", 99, 44).value();
    ASSERT_TRUE(eventually([&] { return texts_of("pod").size() == 2; }));
    kill_supervisor();
    auto const session = client->attach("pod").value();
    sys::write_all(session.stream.get(), "hello\n").value();
    EXPECT_EQ(read_until(session.stream.get(), "99\r\n"), "got hello\r\n44 99\r\n");
}

TEST_F(Supervisor, drops_one_who_attaches_and_does_not_read)
{
    ASSERT_EQ(::mkfifo((root + "/go").c_str(), 0600), 0);
    client->start(shell("web", "read x < " + root + "/go; i=0; while [ $i -lt 400 ]; do printf '%04000d\\n' 7; i=$((i+1)); done"))
        .value();
    auto const slow = client->attach("web").value();
    std::ofstream{root + "/go"} << "go\n";
    EXPECT_EQ(wait_for_end("web").exit_code, 0);
    EXPECT_EQ(log_of("web").size(), 400u) << "the log is whole";
}

TEST_F(Supervisor, logs_and_offers_a_console_in_two_fifos)
{
    auto spec = shell("vm", "exec 3<>" + root + "/console.in 4<>" + root +
                                "/console.out; echo 'login: ' >&4; read a <&3; echo \"hi $a\" >&4; "
                                "read b <&3");
    spec.console_fifo = root + "/console";
    client->start(spec).value();
    auto const console = client->attach("vm").value();
    ASSERT_TRUE(eventually([&] { return !texts_of("vm").empty(); }));
    sys::write_all(console.stream.get(), "root\n").value();
    EXPECT_NE(read_until(console.stream.get(), "hi root\n").find("hi root\n"), std::string::npos);
    ASSERT_TRUE(eventually([&] { return texts_of("vm").size() == 2; }));
    EXPECT_EQ(log_of("vm").front().stream, "console");
    sys::write_all(console.stream.get(), "bye\n").value();
    wait_for_end("vm");
    EXPECT_FALSE(sys::exists(root + "/console.in"));
    EXPECT_FALSE(sys::exists(root + "/console.out"));
}

TEST_F(Supervisor, tells_of_every_start_and_end)
{
    base::Guarded<std::vector<std::string>> news;
    auto const count = [&](const std::string& id) {
        return news.with([&](auto& ids) { return std::count(ids.begin(), ids.end(), id); });
    };
    client->on_change([&](const std::string& id) { news.with([&](auto& ids) { ids.push_back(id); }); });
    ASSERT_TRUE(eventually([&] { return count("") == 1; })) << "first of all: look at everything";
    client->start(shell("web", "exec sleep 60")).value();
    ASSERT_TRUE(eventually([&] { return count("web") == 1; }));
    client->signal("web", SIGKILL).value();
    ASSERT_TRUE(eventually([&] { return count("web") == 2; }));
    kill_supervisor();
    EXPECT_TRUE(eventually([&] { return count("") == 2; })) << "and after each reconnection";
    client.reset();
}

TEST_F(Supervisor, lists_many_in_pages)
{
    for (int number = 0; number < 30; ++number)
        client->start(shell("p" + std::to_string(number), "exec sleep 60")).value();
    EXPECT_EQ(client->list().value().size(), 30u);
    EXPECT_EQ(client->shut_down().error().code(), Code::failed_precondition);
}

TEST_F(Supervisor, answers_garbage_with_an_error_and_goes_on)
{
    client->start(shell("web", "exec sleep 60")).value();
    for (const std::string garbage :
         {"{", "[]", "{}", "\xff\xfe", R"({"version":1})", R"({"version":1,"call":[]})", R"({"version":99,"call":"list"})",
          R"({"version":1,"call":"start","spec":7})", R"({"version":1,"call":"signal","id":"web","signal":1e9})",
          R"({"version":1,"call":"upgrade"})", R"({"version":1,"call":"get","id":{}})",
          R"({"version":1,"call":"resize","id":"web"})"}) {
        auto const socket = sys::connect_unix(socket_path(root + "/supervisor"), sys::SocketKind::packets).value();
        ASSERT_TRUE(sys::send_message(socket.get(), garbage).ok());
        auto const answer = sys::receive_message(socket.get()).value();
        ASSERT_TRUE(answer) << garbage;
        EXPECT_TRUE(answer->text.starts_with(R"({"error")")) << answer->text;
    }
    EXPECT_EQ(client->get("web").value().state, State::running);
}

TEST_F(Supervisor, does_not_meet_that_of_another_directory)
{
    auto const other_root = root + "/other";
    auto const other = connect({.run_directory = other_root, .program = program.get()}).value();
    client->start(shell("web", "exec sleep 60")).value();
    EXPECT_TRUE(other->list().value().empty());
    EXPECT_TRUE(other->start(shell("web", "exit 0")).ok());
    EXPECT_TRUE(eventually([&] { return other->shut_down().ok(); }));
    EXPECT_EQ(client->get("web").value().state, State::running);
}

/// A test that comes upon an error which it did not expect, while two processes run.
class AbortingTest : public SupervisorFixture {
public:
    void TestBody() override
    {
        sys::write_file_atomically(note, root, 0600).value();
        client->start(shell("web", "exec sleep " + seconds)).value();
        client->start(shell("db", "trap '' TERM; exec sleep " + seconds)).value();
        client->signal("none", SIGTERM).value();
    }

    std::string note;
    std::string seconds; ///< By which its processes are known.
};

TEST(AbortedDeathTest, leaves_no_supervisor_no_process_and_no_directory)
{
    auto const note = testing::TempDir() + "aborted-" + sys::random_hex(12);
    auto const seconds = "600." + std::to_string(::getpid());
    auto const abort_in_the_midst = [&] {
        AbortingTest test;
        test.note = note;
        test.seconds = seconds;
        test.TestBody();
    };
    EXPECT_EXIT(abort_in_the_midst(), testing::KilledBySignal(SIGABRT), "none");
    auto const root = sys::read_file(note).value_or("");
    sys::remove_file(note).value();
    ASSERT_NE(root, "");
    EXPECT_FALSE(sys::exists(root));
    EXPECT_TRUE(eventually([&] { return find_pids(root).empty() && find_pids(seconds).empty(); }));
}

} // namespace
} // namespace nova::supervisor
