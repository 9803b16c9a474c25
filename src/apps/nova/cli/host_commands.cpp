#include <CLI/CLI.hpp>

#include <poll.h>

#include <csignal>
#include <iostream>

#include "apps/nova/cli/completion.h"
#include "apps/nova/cli/connection.h"
#include "apps/nova/cli/doctor.h"
#include "apps/nova/cli/exit_code.h"
#include "apps/nova/cli/print.h"
#include "apps/nova/cli/program.h"
#include "apps/nova/server/daemon.h"
#include "apps/nova/server/notify.h"
#include "sys/file.h"
#include "sys/pidfd.h"
#include "sys/unix_socket.h"

namespace nova::app {
namespace {

constexpr std::chrono::seconds stop_limit{20};

Result<int> run_server(const Invocation& invocation)
{
    auto const layout = TRY(find_layout(invocation.root));
    TRY(serve({.layout = layout, .listener = passed_listener()}));
    return exit_ok;
}

/// Whether a process is a daemon, and not the service manager that holds the socket until one is needed.
bool is_daemon(pid_t pid)
{
    auto const argv = sys::read_file("/proc/" + std::to_string(pid) + "/cmdline").value_or("");
    return argv.find(std::string_view{"\0server\0", 8}) != std::string::npos;
}

/// Ends the daemon. What runs goes on; with nothing running, the supervisor ends too.
Result<int> stop_server(const Invocation& invocation)
{
    auto const layout = TRY(find_layout(invocation.root));
    auto const socket = sys::connect_unix(layout.socket, sys::SocketKind::stream);
    if (!socket.ok()) {
        std::cout << "no daemon runs\n";
        return exit_ok;
    }
    auto const pid = TRY(sys::peer_of(socket.value().get())).pid;
    if (!is_daemon(pid)) {
        std::cout << "no daemon runs: process " << pid << " holds its socket, and starts one when it is needed\n";
        return exit_ok;
    }
    auto const daemon = TRY(sys::open_pidfd(pid).context("the daemon"));
    TRY(sys::signal_pidfd(daemon.get(), SIGTERM));
    pollfd end{daemon.get(), POLLIN, 0}; // Not our child: its end can be seen, not its status.
    if (::poll(&end, 1, base::Deadline::after(stop_limit).poll_timeout_ms()) <= 0)
        return base::Error{base::Code::deadline_exceeded,
                           "the daemon (process " + std::to_string(pid) + ") did not end within 20 s"};
    if (!invocation.quiet)
        std::cout << "the daemon ended\n";
    return exit_ok;
}

void add_server(CLI::App& app, Invocation& invocation)
{
    auto* server = app.add_subcommand("server", "Run the daemon in the foreground (others start it on demand)");
    server->footer("Examples:\n  nova server\n  nova server stop      ends the daemon; what runs goes on");
    server->require_subcommand(0, 1);
    server->callback([&invocation, server] {
        if (server->get_subcommands().empty())
            invocation.action = [&invocation] { return run_server(invocation); };
    });
    auto* stop = server->add_subcommand("stop", "End the daemon; what runs goes on");
    stop->footer("Example:\n  nova server stop");
    stop->callback([&invocation] { invocation.action = [&invocation] { return stop_server(invocation); }; });
}

void add_completion(CLI::App& app, Invocation& invocation)
{
    auto* completion = app.add_subcommand("completion", "Print the completion script for a shell");
    auto const shell = std::make_shared<std::string>();
    completion->add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
    completion->footer("Examples:\n  nova completion bash > /etc/bash_completion.d/nova\n  source <(nova completion bash)");
    completion->callback([&app, &invocation, shell] {
        invocation.action = [&app, shell]() -> Result<int> {
            std::cout << completion_script(app, *shell);
            return exit_ok;
        };
    });
}

} // namespace

void add_host_commands(CLI::App& app, Invocation& invocation)
{
    add_server(app, invocation);
    add_completion(app, invocation);

    auto* doctor = app.add_subcommand("doctor", "Check what this host can do for Nova, and what is missing");
    doctor->footer("Examples:\n  nova doctor\n  nova doctor --output json");
    doctor->callback([&invocation] { invocation.action = [&invocation] { return examine_host(invocation); }; });

    auto* version = app.add_subcommand("version", "Print the version");
    version->footer("Examples:\n  nova version\n  nova version --output json");
    version->callback([&invocation] {
        invocation.action = [&invocation]() -> Result<int> {
            if (invocation.output() == Output::json || invocation.output() == Output::yaml)
                std::cout << print_document({{"version", NOVA_VERSION}}, invocation.output());
            else
                std::cout << "nova " NOVA_VERSION "\n";
            return exit_ok;
        };
    });
}

} // namespace nova::app
