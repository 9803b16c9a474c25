#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <fstream>
#include <thread>

#include "base/abort_guard_testing.h"
#include "base/guarded.h"
#include "base/strings.h"
#include "supervisor/client.h"
#include "supervisor/log_line.h"
#include "supervisor/protocol.h"
#include "sys/file.h"
#include "sys/local_socket.h"
#include "sys/pidfd.h"
#include "sys/random.h"
#include "sys/unix_socket.h"

namespace nova::supervisor {

using State = model::ProcessStatus::State;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// True as soon as it holds.
inline bool eventually(const std::function<bool()>& holds, milliseconds within = seconds{30})
{
    auto const deadline = base::Deadline::after(within);
    while (!holds()) {
        if (deadline.passed())
            return false;
        std::this_thread::sleep_for(milliseconds{5});
    }
    return true;
}

/// Pids whose command line has this text.
inline std::vector<pid_t> find_pids(const std::string& text)
{
    std::vector<pid_t> pids;
    auto const names = sys::list_directory("/proc");
    for (const auto& name : names.value()) {
        auto const pid = base::parse_integer(name, 1, INT32_MAX);
        auto const line = pid.ok() ? sys::read_file("/proc/" + name + "/cmdline") : Result<std::string>{std::string{}};
        if (line.ok() && line.value().find(text) != std::string::npos)
            pids.push_back(static_cast<pid_t>(pid.value()));
    }
    return pids;
}

/// A run directory with a supervisor of its own; nothing of it is left afterwards.
class SupervisorFixture : public testing::Test {
protected:
    SupervisorFixture()
    {
        sys::make_directories(root).value();
        program = sys::open_file(NB_PROGRAM, O_RDONLY).value();
        client = connect(options()).value();
    }

    ~SupervisorFixture() override
    {
        if (!client)
            client = connect(options()).value();
        auto const statuses = client->list().value();
        for (const auto& status : statuses)
            (void)client->signal(status.id, SIGKILL).ok();
        EXPECT_TRUE(eventually([&] { return client->shut_down().ok(); })) << client->shut_down().error().message();
        EXPECT_FALSE(sys::exists(root + "/supervisor"));
        EXPECT_TRUE(eventually([&] { return find_pids(root).empty(); })) << "a process is left";
        sys::remove_tree(root).value();
    }

    /// What the destructor does, for a test that aborts: without a word, and over a connection of its own.
    void end_all() const
    {
        if (auto const other = connect(options()); other.ok()) {
            for (const auto& status : other.value()->list().value_or({}))
                (void)other.value()->signal(status.id, SIGKILL).ok();
            (void)eventually([&] { return other.value()->shut_down().ok(); }, seconds{10});
        }
        for (auto const pid : find_pids(root))
            ::kill(pid, SIGKILL);
        (void)sys::remove_tree(root).ok();
    }

    Options options() const { return {.run_directory = root, .program = program.get()}; }

    model::ProcessSpec shell(const std::string& id, const std::string& script) const
    {
        model::ProcessSpec spec;
        spec.id = id;
        spec.argv = {"/bin/sh", "-c", script};
        spec.env = {"PATH=/usr/bin:/bin"};
        spec.log.path = log_path(id);
        return spec;
    }

    /// For a script: comes to an end once let_go() was called.
    std::string wait_for_go() const { return "while ! [ -e " + root + "/go ]; do sleep 0.01; done"; }
    void let_go() const { sys::write_file_atomically(root + "/go", "").value(); }

    std::string log_path(const std::string& id) const { return root + "/" + id + ".log"; }

    std::vector<LogLine> log_of(const std::string& id) const
    {
        std::vector<LogLine> lines;
        auto const text = sys::read_file(log_path(id));
        if (text.ok())
            for (const auto& line : base::split(text.value(), '\n'))
                if (auto const parsed = parse_log_line(line))
                    lines.push_back(*parsed);
        return lines;
    }

    std::vector<std::string> texts_of(const std::string& id) const
    {
        std::vector<std::string> texts;
        for (const auto& line : log_of(id))
            texts.push_back(line.text);
        return texts;
    }

    model::ProcessStatus wait_for_end(const std::string& id) const
    {
        EXPECT_TRUE(eventually([&] { return client->get(id).value().state != State::running; })) << id << " does not end";
        return client->get(id).value();
    }

    pid_t supervisor_pid() const
    {
        auto const socket = sys::connect_unix(socket_path(root + "/supervisor"), sys::SocketKind::packets);
        return socket.ok() ? static_cast<pid_t>(sys::peer_of(socket.value().get()).value().pid) : -1;
    }

    void kill_supervisor() const
    {
        auto const pidfd = sys::open_pidfd(supervisor_pid()).value();
        sys::signal_pidfd(pidfd.get(), SIGKILL).value();
        EXPECT_TRUE(eventually([&] { return sys::has_ended(pidfd.get()); }));
    }

    static std::string read_until(int fd, const std::string& end, milliseconds within = seconds{30})
    {
        std::string text;
        auto const deadline = base::Deadline::after(within);
        while (text.find(end) == std::string::npos && !deadline.passed()) {
            pollfd entry{fd, POLLIN, 0};
            char buffer[4096];
            if (::poll(&entry, 1, deadline.poll_timeout_ms()) <= 0)
                break;
            auto const count = ::read(fd, buffer, sizeof buffer);
            if (count <= 0)
                break;
            text.append(buffer, static_cast<std::size_t>(count));
        }
        return text;
    }

    std::string const root = testing::TempDir() + "supervisor-" + sys::random_hex(12);
    sys::UniqueFd program;
    std::unique_ptr<Client> client;
    base::AbortGuard const guard_{[this] { end_all(); }};
};

} // namespace nova::supervisor
