#include "runtime/commands.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "runtime/arguments.h"
#include "runtime/command_help.h"
#include "runtime/log.h"
#include "runtime/update_request.h"
#include "sys/default_signals.h"
#include "sys/file.h"
#include "sys/memfd.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;

namespace {

using Kind = Option::Kind;
constexpr std::array global_options{
    Option{"root"},
    Option{"log"},
    Option{"log-format"},
    Option{"log-level"},
    Option{"debug", 0, Kind::flag},
    Option{"cgroup-manager"},
    Option{"systemd-cgroup", 0, Kind::flag},
    Option{"rootless"},
    Option{"version", 'v', Kind::flag},
    Option{"help", 'h', Kind::flag},
    Option{"criu"},
};

enum class Sealing { needed, not_needed }; ///< Whether a container's process is born from our own file.
std::span<const Option> no_options() { return {}; }

struct Command {
    std::string_view name;
    Result<int> (*run)(const Globals&, Words);
    std::span<const Option> (*options)();
    Sealing sealing;
    std::string_view summary;
    std::string_view arguments;
    std::string_view example;
};
constexpr std::array commands{
    Command{"create", create_command, launch_options, Sealing::needed, "set a container up from a bundle; it waits for start",
            "ID", "create --bundle /srv/web --pid-file /run/web.pid web-1"},
    Command{"start", start_command, no_options, Sealing::not_needed, "start the program of a created container", "ID",
            "start web-1"},
    Command{"run", run_command, launch_options, Sealing::needed, "create and start, and wait for its end (--detach: do not)",
            "ID", "run --bundle /srv/web web-1"},
    Command{"exec", exec_command, exec_options, Sealing::needed, "start one more program in a running container",
            "ID COMMAND [ARGUMENT...]", "exec --tty --env TERM=xterm web-1 sh"},
    Command{"state", state_command, no_options, Sealing::not_needed, "print a container's state as JSON", "ID", "state web-1"},
    Command{"list", list_command, list_options, Sealing::not_needed, "list containers", "", "list --format json"},
    Command{"kill", kill_command, kill_options, Sealing::not_needed,
            "send a signal to a container's first process (--all: to all)", "ID [SIGNAL]", "kill web-1 HUP"},
    Command{"delete", delete_command, delete_options, Sealing::not_needed, "remove a stopped container (--force: any)", "ID",
            "delete --force web-1"},
    Command{"ps", ps_command, ps_options, Sealing::not_needed, "list the processes in a container", "ID [OPTION OF ps(1)...]",
            "ps web-1 -o pid,args"},
    Command{"pause", pause_command, no_options, Sealing::not_needed, "freeze all processes of a container", "ID", "pause web-1"},
    Command{"resume", resume_command, no_options, Sealing::not_needed, "let them run again", "ID", "resume web-1"},
    Command{"update", update_command, update_options, Sealing::not_needed, "change the limits of a running container", "ID",
            "update --memory 64Mi --cpu-quota 50000 web-1"},
    Command{"events", events_command, events_options, Sealing::not_needed, "print what a container uses (--stats: once)", "ID",
            "events --stats web-1"},
    Command{"checkpoint", checkpoint_command, checkpoint_options, Sealing::not_needed, "freeze a container into files, with criu",
            "ID", "checkpoint --image-path /srv/checkpoint web-1"},
    Command{"restore", restore_command, restore_options, Sealing::not_needed, "make a container from such files", "ID",
            "restore --image-path /srv/checkpoint --bundle /srv/web web-1"},
    Command{"spec", spec_command, spec_options, Sealing::not_needed, "write an example config.json", "",
            "spec --bundle /srv/web"},
    Command{"features", features_command, no_options, Sealing::not_needed, "print what this runtime can do as JSON", "",
            "features"},
};

void print_help()
{
    std::string text = "nb: a container runtime (OCI runtime specification)\n\n"
                       "usage: nb [--root DIR] [--log FILE] [--log-format text|json] [--debug]\n"
                       "          [--cgroup-manager cgroupfs|systemd|disabled] [--rootless true|false|auto] COMMAND ...\n\n";
    for (const auto& command : commands)
        text +=
            "  " + std::string{command.name} + std::string(12 - command.name.size(), ' ') + std::string{command.summary} + "\n";
    text += "\nNebulon's, which keep containers, volumes and images below /var/lib/nebulon (--root):\n"
            "  init, create [OPTIONS] COMMAND ARGS..., run ID, ps, stop ID, rm ID,\n"
            "  volume create|ls|rm, image import|ls|rm; 'nb COMMAND --help' tells which call means which\n"
            "\nexamples: nb run --bundle /srv/web web-1\n"
            "          nb exec web-1 ps\n";
    (void)sys::write_all(1, text);
}

/// A user's own, also where the user is root of a user namespace alone, as under rootless podman; then USER is not root.
std::string default_root()
{
    const char* const run_time = std::getenv("XDG_RUNTIME_DIR");
    const char* const user = std::getenv("USER");
    bool const named_root = user && std::string_view{user} == "root" && ::geteuid() == 0;
    if (run_time && *run_time == '/' && !named_root && acts_rootless(Rootless::automatic))
        return std::string{run_time} + "/nb";
    return "/run/nb";
}

Result<Globals> globals_of(const Arguments& arguments)
{
    Globals globals;
    globals.root = arguments.get("root", default_root());
    if (globals.root.empty() || globals.root.front() != '/') {
        std::array<char, 4096> here{};
        if (!::getcwd(here.data(), here.size()))
            return Error::from_errno("look where we are");
        globals.root = std::string{here.data()} + "/" + globals.root;
    }
    globals.log = arguments.get("log");
    auto const format = arguments.get("log-format", "text");
    if (format != "text" && format != "json")
        return Error{Code::invalid_argument, "--log-format: must be text or json"};
    globals.log_json = format == "json";
    globals.criu = arguments.get("criu");
    globals.debug = arguments.has("debug");
    auto const manager = arguments.get("cgroup-manager", arguments.has("systemd-cgroup") ? "systemd" : "cgroupfs");
    if (manager != "cgroupfs" && manager != "systemd" && manager != "disabled")
        return Error{Code::invalid_argument, "--cgroup-manager: must be cgroupfs, systemd or disabled"};
    globals.cgroup_manager = manager == "disabled"  ? CgroupManager::disabled
                             : manager == "systemd" ? CgroupManager::systemd
                                                    : CgroupManager::cgroupfs;
    globals.rootless = TRY(parse_rootless(arguments.get("rootless", "auto")).context("--rootless"));
    return globals;
}

void report(const Globals& globals, const Error& error) { tell(globals, Severity::error, error.message()); }

/// stdin, stdout and stderr must be open: else the first file we open would become one of them in the container.
void ensure_standard_streams()
{
    for (int fd = 0; fd < 3; ++fd)
        if (::fcntl(fd, F_GETFD) < 0)
            (void)::open("/dev/null", O_RDWR); // Takes the lowest free number, which is this one.
}

constexpr int wrong_call = 64;
constexpr int memory_step = 512 << 10; ///< Asked from the kernel at once: it takes what a start needs. Only used pages count.

int run_chosen(const Globals& globals, const Arguments& arguments, char** argv)
{
    const auto& rest = arguments.rest();
    for (const auto& command : commands) {
        if (command.name != rest.front())
            continue;
        if (asks_for_help(Words{rest}.subspan(1), command.options())) { // Clients ask so whether we have a command.
            CommandHelp const help{command.name, command.summary, command.arguments, command.example, command.options()};
            return sys::write_all(1, help_text(help)).ok() ? 0 : 1;
        }
        if (command.sealing == Sealing::needed && !sys::own_program_is_sealed()) {
            report(globals, sys::run_own_program_sealed(argv).error());
            return 1;
        }
        tell(globals, Severity::debug, std::string{command.name} + " with state in " + globals.root);
        auto result = command.run(globals, Words{rest}.subspan(1));
        if (result.ok())
            return result.value();
        report(globals, std::move(result).take_error().context(command.name));
        return 1;
    }
    if (asks_for_help(Words{rest}.subspan(1), {}))
        report(globals, Error{Code::invalid_argument, "No help topic for '" + rest.front().substr(0, 80) + "'; see nb --help"});
    else
        report(globals, Error{Code::invalid_argument, "unknown command \"" + rest.front().substr(0, 80) + "\"; see nb --help"});
    return wrong_call;
}

} // namespace

int run_nb(int argc, char** argv)
{
    sys::take_seal();
    ensure_standard_streams();
    sys::keep_ends_of_children();
    ::mallopt(M_TOP_PAD, memory_step);
    std::vector<std::string> const words(argv + 1, argv + argc);
    auto const arguments = Arguments::parse(words, global_options, OptionOrder::before_arguments);
    if (!arguments.ok()) {
        report({}, arguments.error());
        return wrong_call;
    }
    if (arguments.value().has("version")) {
        // The last line as crun has it: what was built in.
        (void)sys::write_all(1, "nb version " NOVA_VERSION "\nspec: 1.3.0\n+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF\n");
        return 0;
    }
    if (arguments.value().has("help") || arguments.value().rest().empty()) {
        print_help();
        return arguments.value().has("help") ? 0 : wrong_call;
    }
    auto const globals = globals_of(arguments.value());
    if (!globals.ok()) { // With runc and crun too it is 1 then.
        report({}, globals.error());
        return 1;
    }
    if (auto const log = open_log(globals.value()); !log.ok()) {
        report({}, log.error());
        return 1;
    }
    return run_chosen(globals.value(), arguments.value(), argv);
}

} // namespace nova::runtime
