#include "supervisor/supervisor_fixture.h"

/// What must survive the death of the supervisor, of its keeper and of its clients, and its upgrade.
namespace nova::supervisor {
namespace {

using base::Code;

class Adoption : public SupervisorFixture {
protected:
    static constexpr auto counter = "i=0; while [ $i -lt 4000 ]; do echo $i; i=$((i+1)); done; exec sleep 60";

    /// By its name alone: the master of terminals is /dev/ptmx here and /dev/pts/ptmx there.
    static bool holds(pid_t pid, const std::string& file)
    {
        auto const directory = "/proc/" + std::to_string(pid) + "/fd/";
        auto const fds = sys::list_directory(directory);
        return fds.ok() && std::any_of(fds.value().begin(), fds.value().end(), [&](const auto& fd) {
                   std::error_code ignored;
                   return std::filesystem::read_symlink(directory + fd, ignored).filename() == file;
               });
    }

    /// Every number from 0 on, once, in order.
    void expect_unbroken_count(const std::string& id, std::size_t length) const
    {
        ASSERT_TRUE(eventually([&] { return log_of(id).size() >= length; })) << log_of(id).size() << " lines";
        auto const texts = texts_of(id);
        ASSERT_EQ(texts.size(), length);
        for (std::size_t index = 0; index < length; ++index)
            ASSERT_EQ(texts[index], std::to_string(index));
    }
};

TEST_F(Adoption, loses_no_line_when_its_client_dies)
{
    client->start(shell("web", "i=0; while [ $i -lt 10000 ]; do echo $i; i=$((i+1)); done")).value();
    client.reset();
    client = connect(options()).value();
    wait_for_end("web");
    expect_unbroken_count("web", 10000);
}

TEST_F(Adoption, keeps_pid_and_every_line_over_sigkill)
{
    auto const started = client->start(shell("web", counter)).value();
    for (int round = 0; round < 8; ++round) {
        std::this_thread::sleep_for(milliseconds{3 + 4 * round});
        kill_supervisor();
        auto const status = client->get("web").value();
        EXPECT_EQ(status.state, State::running);
        EXPECT_EQ(status.pid, started.pid);
        EXPECT_EQ(status.started, started.started);
    }
    expect_unbroken_count("web", 4000);
    client->signal("web", SIGKILL).value();
    wait_for_end("web");
}

TEST_F(Adoption, logs_what_was_written_while_no_supervisor_lived)
{
    client->start(shell("web", wait_for_go() + "; echo late; echo last >&2; touch " + root + "/said; exec sleep 0.1")).value();
    kill_supervisor();
    let_go();
    ASSERT_TRUE(eventually([&] { return sys::exists(root + "/said"); }));
    auto const status = wait_for_end("web");
    EXPECT_EQ(texts_of("web"), (std::vector<std::string>{"late", "last"}));
    EXPECT_FALSE(status.finished.empty());
}

TEST_F(Adoption, tells_the_exit_code_of_one_that_ended_meanwhile_or_that_it_is_lost)
{
    auto const pid = client->start(shell("web", wait_for_go() + "; exit 11")).value().pid;
    kill_supervisor();
    let_go();
    ASSERT_TRUE(eventually([&] { return !sys::exists("/proc/" + std::to_string(pid)); }));
    auto const status = wait_for_end("web");
    if (status.state == State::exited)
        EXPECT_EQ(status.exit_code, 11) << "what is told must be true";
    else
        EXPECT_EQ(status.exit_code, std::nullopt);
}

TEST_F(Adoption, says_lost_when_nobody_can_know_any_more)
{
    auto const pid = client->start(shell("web", wait_for_go() + "; exit 11")).value().pid;
    kill_supervisor();
    let_go();
    ASSERT_TRUE(eventually([&] { return !sys::exists("/proc/" + std::to_string(pid)); })) << "its new parent does not reap it";
    for (auto const keeper : find_pids(root + "/supervisor"))
        ::kill(keeper, SIGKILL);
    auto const status = wait_for_end("web");
    EXPECT_EQ(status.state, State::lost);
    EXPECT_EQ(status.exit_code, std::nullopt);
}

TEST_F(Adoption, finds_a_process_whose_first_act_was_to_kill_the_supervisor)
{
    // It must be on record before it runs. Writing a record takes longer with so long an environment than killing does.
    for (int round = 0; round < 10; ++round) {
        auto const id = "deadly-" + std::to_string(round);
        auto spec = shell(id, ": " + root + "/" + id + "; kill -9 $PPID; while [ $((i+=1)) -lt 6000 ]; do sleep 0.1; done");
        spec.env.push_back("LONG=" + std::string(120'000, 'x'));
        auto const started = client->start(spec);
        ASSERT_TRUE(started.ok()) << started.error().message();
        auto const pid = static_cast<pid_t>(started.value().pid);
        auto const is_alone = [&] { return find_pids(root + "/" + id + ";") == std::vector{pid}; };
        EXPECT_TRUE(eventually(is_alone)) << "round " << round; // Its own sleep has its words for an instant.
        client->signal(id, SIGKILL).value();
    }
}

/// As a supervisor does that dies: what it is asked is gone unread, and for a moment it can still be connected to.
std::jthread die_slowly(sys::UniqueFd listener)
{
    return std::jthread{[listener = std::move(listener)]() mutable {
        for (int i = 0; i < 3; ++i) {
            auto const connection = sys::accept_unix(listener.get()).value();
            std::this_thread::sleep_for(milliseconds{20});
        }
        listener.reset();
    }};
}

TEST_F(Adoption, is_asked_again_until_the_dying_one_is_gone)
{
    client->start(shell("web", "exec sleep 60")).value();
    kill_supervisor();
    auto const dying = die_slowly(sys::listen_unix(socket_path(root + "/supervisor"), sys::SocketKind::packets).value());
    client->signal("web", SIGTERM).value();
    (void)wait_for_end("web");
}

TEST_F(Adoption, takes_a_signal_for_sent_when_its_process_ended_with_the_one_who_was_asked)
{
    client->start(shell("web", "exit 0")).value();
    (void)wait_for_end("web");
    EXPECT_EQ(client->signal("web", SIGTERM).error().code(), Code::not_found);
    kill_supervisor();
    auto const dying = die_slowly(sys::listen_unix(socket_path(root + "/supervisor"), sys::SocketKind::packets).value());
    client->signal("web", SIGTERM).value();
}

TEST_F(Adoption, keeps_a_terminal_alive_over_sigkill)
{
    auto spec = shell("tty", "stty -echo; trap 'echo hup' HUP; echo ready; while read line; do echo \"got $line\"; done");
    spec.stdio = model::StdioMode::terminal;
    auto const pid = client->start(spec).value().pid;
    ASSERT_TRUE(eventually([&] { return !texts_of("tty").empty(); }));
    kill_supervisor();
    auto const session = client->attach("tty").value();
    EXPECT_EQ(client->get("tty").value().pid, pid);
    sys::write_all(session.stream.get(), "again\n").value();
    EXPECT_EQ(read_until(session.stream.get(), "\n"), "got again\r\n");
    client->resize("tty", 90, 20).value();
    std::vector<std::string> const all{"ready", "got again"}; // Shown first, then logged.
    EXPECT_TRUE(eventually([&] { return texts_of("tty").size() >= all.size(); }));
    EXPECT_EQ(texts_of("tty"), all) << "and no hang-up";
}

TEST_F(Adoption, follows_a_launcher_that_it_did_not_start)
{
    auto spec =
        shell("pod", "touch " + root + "/begun; " + wait_for_go() + "; sh -c 'exec sleep 60' & echo $! > " + root + "/pid");
    spec.pid_file = root + "/pid";
    std::jthread const killer{[&] {
        EXPECT_TRUE(eventually([&] { return sys::exists(root + "/begun"); }));
        kill_supervisor();
        let_go();
    }};
    auto const started = client->start(spec).value();
    EXPECT_EQ(std::to_string(started.pid) + "\n", sys::read_file(root + "/pid").value());
    EXPECT_EQ(client->get("pod").value().state, State::running);
}

TEST_F(Adoption, replaces_a_keeper_that_dies)
{
    auto spec = shell("tty", "echo ready; exec sleep 60");
    spec.stdio = model::StdioMode::terminal;
    client->start(spec).value();
    auto const keeper_of = [&] {
        for (auto const pid : find_pids(root + "/supervisor"))
            if (pid != supervisor_pid())
                return pid;
        return -1;
    };
    auto const old_keeper = keeper_of();
    ASSERT_GT(old_keeper, 0);
    ::kill(old_keeper, SIGKILL);
    ASSERT_TRUE(eventually([&] { return keeper_of() > 0 && keeper_of() != old_keeper; }));
    // Until it holds the terminal, another death would cost it.
    ASSERT_TRUE(eventually([&] { return holds(keeper_of(), "ptmx"); }));
    kill_supervisor();
    EXPECT_TRUE(client->attach("tty").ok());
    EXPECT_EQ(client->get("tty").value().state, State::running);
}

TEST_F(Adoption, leaves_no_keeper_that_nobody_can_find)
{
    auto const started = client->start(shell("web", "exec sleep 60")).value();
    kill_supervisor();
    sys::remove_tree(root + "/supervisor").value();
    EXPECT_TRUE(eventually([&] { return find_pids(root + "/supervisor").empty(); }));
    ::kill(started.pid, SIGKILL);
}

TEST_F(Adoption, upgrades_in_place_with_pid_status_and_lines_kept)
{
    auto const supervisor = supervisor_pid();
    auto const started = client->start(shell("web", counter)).value();
    auto const ending = shell("short", wait_for_go() + "; exit 12");
    client->start(ending).value();
    auto const session = client->exec({.id = "web", .argv = {"/bin/sh", "-c", "read x; exit 13"}}).value();
    auto const other = sys::open_file(NB_PROGRAM, O_RDONLY).value();
    for (int round = 0; round < 3; ++round)
        ASSERT_TRUE(client->upgrade(other).ok());
    EXPECT_EQ(supervisor_pid(), supervisor);
    EXPECT_EQ(client->get("web").value().pid, started.pid);
    let_go();
    EXPECT_EQ(wait_for_end("short").exit_code, 12) << "its children are still its own";
    sys::write_all(session.in.get(), "go\n").value();
    int code = -1;
    EXPECT_EQ(::read(session.exit.get(), &code, sizeof code), static_cast<ssize_t>(sizeof code));
    EXPECT_EQ(code, 13);
    expect_unbroken_count("web", 4000);
}

TEST_F(Adoption, refuses_to_become_a_program_that_is_no_supervisor)
{
    client->start(shell("web", "exec sleep 60")).value();
    auto const wrong = sys::open_file("/bin/true", O_RDONLY).value();
    EXPECT_EQ(client->upgrade(wrong).error().code(), Code::failed_precondition);
    EXPECT_EQ(client->get("web").value().state, State::running);
}

TEST_F(Adoption, does_not_take_a_later_process_with_the_same_pid_for_its_own)
{
    client->start(shell("web", "exec sleep 60")).value();
    client->signal("web", SIGKILL).value();
    wait_for_end("web");
    kill_supervisor();
    auto const record = root + "/supervisor/processes/web/record.json";
    auto object = nlohmann::json::parse(sys::read_file(record).value());
    object["phase"] = "running";
    object["pid"] = ::getpid();
    object["start_ticks"] = sys::start_ticks(::getpid()).value() - 1;
    sys::write_file_atomically(record, object.dump()).value();
    EXPECT_EQ(client->get("web").value().state, State::lost);
}

TEST_F(Adoption, starts_one_supervisor_when_many_ask_at_once)
{
    kill_supervisor();
    std::vector<std::jthread> threads;
    for (int number = 0; number < 8; ++number)
        threads.emplace_back([&] { EXPECT_TRUE(connect(options()).value()->list().ok()); });
    threads.clear();
    EXPECT_TRUE(eventually([&] { return find_pids(root + "/supervisor").size() == 1; })) << "the others give way";
}

} // namespace
} // namespace nova::supervisor
