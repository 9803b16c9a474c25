#include <CLI/CLI.hpp>

#include <unistd.h>

#include <array>
#include <csignal>
#include <iostream>

#include "apps/nova/cli/connection.h"
#include "apps/nova/cli/exit_code.h"
#include "apps/nova/cli/logs.h"
#include "apps/nova/cli/object_text.h"
#include "apps/nova/cli/program.h"
#include "apps/nova/cli/raw_terminal.h"
#include "apps/nova/cli/target.h"
#include "sys/file.h"
#include "sys/signal_fd.h"

namespace nova::app {

Status print_log(client::Client& client, const model::Key& workload, const client::LogOptions& options)
{
    auto stream = TRY(client.log(workload, options));
    while (true) {
        auto const text = TRY(stream.read());
        if (text.empty())
            return base::done();
        TRY(sys::write_all(STDOUT_FILENO, text));
    }
}

namespace {

constexpr char escape_key = 0x1d;              // Ctrl-]
constexpr std::chrono::seconds after_input{1}; // How long an attachment whose input has ended still shows what is answered.

struct LogCommand {
    std::vector<std::string> words;
    client::LogOptions log;
    std::uint64_t tail = 0;
};

struct ExecCommand {
    std::vector<std::string> words; ///< [KIND] NAME COMMAND ARGS…
    client::ExecOptions exec;
    bool interactive = false;
};

Result<int> logs(const Invocation& invocation, const LogCommand& command)
{
    auto client = TRY(connect_daemon(invocation));
    auto const target = TRY(find_target(client, invocation.space, command.words));
    TRY(print_log(client, {target.kind->kind, invocation.space, target.name}, command.log));
    return exit_ok;
}

/// Cuts off the escape key and what was typed behind it, which is nobody's; what was typed before it is still the workload's.
client::Session::Typed until_escape(std::string& text)
{
    auto const escape = text.find(escape_key);
    if (escape == std::string::npos)
        return client::Session::Typed::more;
    text.resize(escape);
    return client::Session::Typed::last;
}

enum class Escape { none, key };

/// Moves bytes both ways; with a terminal, ours is raw meanwhile and its size is passed on.
Result<int> pump(client::Session& session, bool terminal, client::Session::Pump moves, Escape escape)
{
    moves.out = STDOUT_FILENO;
    moves.err = STDERR_FILENO;
    if (escape == Escape::key)
        moves.filter = until_escape;
    if (!terminal)
        return session.pump(moves);

    auto winch = TRY(sys::SignalFd::open({SIGWINCH}));
    auto const pass_size = [&session]() -> Status {
        auto const size = terminal_size(STDIN_FILENO);
        return size ? session.resize(size->columns, size->rows) : base::done();
    };
    TRY(pass_size());
    moves.wake = winch.fd();
    moves.on_wake = [&]() -> Status {
        while (winch.next()) {
        }
        return pass_size();
    };
    auto const raw = RawTerminal::enter(STDIN_FILENO);
    return session.pump(moves);
}

/// Behind "--" all is the command. Without it, and where the kind was left out, the first word is the name: "exec web ls" as well
/// as "exec container web ls".
void split_command(ExecCommand& command, const Invocation& invocation)
{
    if (invocation.has_dashes) {
        command.exec.command = invocation.behind_dashes;
        return;
    }
    bool const kind = model::find_kind_by_any_name(command.words.front()) != nullptr && command.words.size() > 2;
    auto const names = command.words.begin() + (kind ? 2 : 1);
    command.exec.command.assign(names, command.words.end());
    command.words.erase(names, command.words.end());
}

/// Throws what the parser of the command line throws for a wrong call.
void check_command(const ExecCommand& command)
{
    if (command.exec.command.empty())
        throw CLI::ValidationError{"exec needs a command: nova exec [KIND] NAME -- COMMAND ARGS..."};
    if (command.words.size() > 2)
        throw CLI::ValidationError{"\"" + command.words[2] + "\" is a word too many: nova exec [KIND] NAME -- COMMAND ARGS..."};
}

Result<int> exec(const Invocation& invocation, ExecCommand command)
{
    auto client = TRY(connect_daemon(invocation));
    auto const target = TRY(find_target(client, invocation.space, command.words));
    if (target.kind->kind != "Pod")
        return base::Error{base::Code::unimplemented, target.name + " is a machine: commands run in capsules; 'nova console " +
                                                          target.name + "' reaches it"};
    command.exec.in = command.interactive;
    auto session = TRY(client.exec({target.kind->kind, invocation.space, target.name}, command.exec));
    client::Session::Pump moves;
    moves.in = command.interactive ? STDIN_FILENO : -1;
    return pump(session, command.exec.terminal, moves, Escape::none);
}

/// Which way a workload's terminal is reached.
struct TerminalCommand {
    const char* name;
    const char* summary;
    const char* kind;
    const char* example;
};
constexpr std::array terminal_commands{
    TerminalCommand{"attach", "See and type into a capsule's terminal", "Pod", "web"},
    TerminalCommand{"console", "See and type into a machine's serial console", "VirtualMachine", "probe"},
};

/// A machine's console always reads; a capsule without a terminal has nothing that does.
Result<bool> reads_input(client::Client& client, const model::Key& workload)
{
    if (workload.kind != "Pod")
        return true;
    return flag_at(TRY(client.get(workload)), "/spec/containers/0/tty", false);
}

Result<int> attach(const Invocation& invocation, const std::vector<std::string>& words, const TerminalCommand& command)
{
    auto client = TRY(connect_daemon(invocation));
    auto const target = TRY(find_terminal(client, invocation.space, words, command.kind));
    model::Key const workload{target.kind->kind, invocation.space, target.name};
    bool const typing = TRY(reads_input(client, workload));
    auto attached = client.attach(workload);
    if (!attached.ok())
        return std::move(attached).take_error();
    auto session = std::move(attached).value();
    bool const terminal = ::isatty(STDIN_FILENO) == 1;
    if (!typing)
        std::cerr << "nova: " << target.name << " has no terminal: what it writes is shown, what is typed goes nowhere"
                  << (terminal ? "; Ctrl-C leaves" : "") << "\n";
    else if (terminal && !invocation.quiet)
        std::cerr << "attached to " << target.name << "; Ctrl-] leaves\n";
    client::Session::Pump moves;
    moves.in = STDIN_FILENO;
    moves.after_input = after_input;
    bool const raw = terminal && typing;
    return pump(session, raw, moves, raw ? Escape::key : Escape::none);
}

void add_logs(CLI::App& app, Invocation& invocation)
{
    auto* command = app.add_subcommand("logs", "Print what a capsule wrote, or a machine's console showed");
    auto const options = std::make_shared<LogCommand>();
    command->add_option("target", options->words, "[KIND] NAME")->expected(1, 2)->required();
    command->add_flag("-f,--follow", options->log.follow, "Go on as it writes");
    auto* tail = command->add_option("--tail", options->tail, "Only the last N lines")
                     ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 40));
    command->add_flag("-t,--timestamps", options->log.timestamps, "With the moment of each line");
    command->add_option("--since", options->log.since, "Only from this moment on (RFC 3339)");
    command->footer("Examples:\n  nova logs container web --follow\n  nova logs vm probe --tail 20 --timestamps");
    command->callback([&invocation, options, tail] {
        if (tail->count() > 0)
            options->log.tail_lines = options->tail;
        invocation.action = [&invocation, options] { return logs(invocation, *options); };
    });
}

void add_exec(CLI::App& app, Invocation& invocation)
{
    auto* command = app.add_subcommand("exec", "Run a command in a capsule");
    auto const options = std::make_shared<ExecCommand>();
    command->add_option("words", options->words, "[KIND] NAME -- COMMAND ARGS...")->required();
    command->add_flag("-i,--interactive", options->interactive, "Pass our input on");
    command->add_flag("-t,--tty", options->exec.terminal, "With a terminal");
    command->add_option("-u,--user", options->exec.user, "As this user (name or uid[:gid])");
    command->add_option("-w,--workdir", options->exec.working_dir, "In this directory");
    command->add_option("-e,--env", options->exec.env, "K=V, once for each");
    command->footer("Examples:\n  nova exec container web -- sh -c 'echo hello'\n  nova exec -it web -- sh");
    command->callback([&invocation, options] {
        split_command(*options, invocation);
        check_command(*options);
        invocation.action = [&invocation, options] { return exec(invocation, *options); };
    });
}

} // namespace

void add_stream_commands(CLI::App& app, Invocation& invocation)
{
    add_logs(app, invocation);
    add_exec(app, invocation);
    auto const words = std::make_shared<std::vector<std::string>>();
    for (const auto& terminal : terminal_commands) {
        auto* command = app.add_subcommand(terminal.name, terminal.summary);
        command->add_option("target", *words, "[KIND] NAME")->expected(1, 2)->required();
        command->footer(std::string{"Example:\n  nova "} + terminal.name + " " + terminal.example + "      Ctrl-] leaves");
        command->callback([&invocation, &terminal, words] {
            invocation.action = [&invocation, &terminal, words] { return attach(invocation, *words, terminal); };
        });
    }
}

} // namespace nova::app
