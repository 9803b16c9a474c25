#include <algorithm>
#include <array>

#include "base/strings.h"
#include "runtime/arguments.h"
#include "runtime/commands.h"
#include "runtime/exec.h"
#include "runtime/exec_cgroup.h"
#include "runtime/log.h"
#include "runtime/process.h"
#include "runtime/state.h"
#include "runtime/terminal_relay.h"
#include "sys/capabilities.h"
#include "sys/file.h"
#include "sys/own_process.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using Kind = Option::Kind;
namespace oci = model::oci;

namespace {

// As shells have it.
constexpr int no_such_program = 127;
constexpr int unusable_program = 126;

constexpr long long most_id = 0xfffffffe;

/// "UID" or "UID:GID", nothing else (CVE-2026-30892: what is not understood must not become root).
Status read_user(const std::string& text, oci::User& user)
{
    auto const colon = text.find(':');
    user.uid = static_cast<std::uint32_t>(TRY(base::parse_integer(text.substr(0, colon), 0, most_id).context("--user: uid")));
    if (colon != std::string::npos)
        user.gid =
            static_cast<std::uint32_t>(TRY(base::parse_integer(text.substr(colon + 1), 0, most_id).context("--user: gid")));
    return done();
}

Status add_capability(const std::string& name, oci::Process& process)
{
    if (!process.capabilities)
        process.capabilities.emplace();
    auto const full = name.starts_with("CAP_") ? name : "CAP_" + name;
    if (!sys::find_capability(full))
        return Error{Code::invalid_argument, "--cap: unknown capability \"" + name.substr(0, 80) + "\""};
    for (auto* const set : {&process.capabilities->bounding, &process.capabilities->effective, &process.capabilities->permitted})
        set->push_back(full);
    const auto& inheritable = process.capabilities->inheritable;
    if (std::find(inheritable.begin(), inheritable.end(), full) != inheritable.end())
        process.capabilities->ambient.push_back(full); // Else a program of another user than root would not have it.
    return done();
}

/// A later value of a variable takes the place of an earlier one.
void set_variable(std::vector<std::string>& env, const std::string& entry)
{
    auto const name = entry.substr(0, entry.find('=') + 1);
    std::erase_if(env, [&](const auto& old) { return !name.empty() && old.starts_with(name); });
    env.push_back(entry);
}

Status apply_options(const Arguments& arguments, oci::Process& process)
{
    process.args.assign(arguments.rest().begin() + 1, arguments.rest().end());
    process.terminal = arguments.has("tty");
    if (auto const user = arguments.find("user"))
        TRY(read_user(*user, process.user));
    for (const auto& gid : arguments.all("additional-gids"))
        process.user.additional_gids.push_back(
            static_cast<std::uint32_t>(TRY(base::parse_integer(gid, 0, most_id).context("--additional-gids"))));
    process.cwd = arguments.get("cwd", process.cwd);
    if (process.cwd.empty() || process.cwd.front() != '/')
        return Error{Code::invalid_argument, "--cwd: must be an absolute path"};
    for (const auto& entry : arguments.all("env"))
        set_variable(process.env, entry);
    for (const auto& name : arguments.all("cap"))
        TRY(add_capability(name, process));
    process.apparmor_profile = arguments.get("apparmor", process.apparmor_profile);
    process.selinux_label = arguments.get("process-label", process.selinux_label);
    process.no_new_privileges = process.no_new_privileges || arguments.has("no-new-privs");
    return done();
}

Result<oci::Process> process_from(const std::string& file)
{
    auto const text = TRY(sys::read_file(file, 16u << 20).context("--process"));
    return oci::parse_process(text).context(file);
}

Result<oci::Process> process_of(const Globals& globals, const Arguments& arguments, const std::string& id)
{
    if (auto const file = arguments.find("process"))
        return process_from(*file);
    if (arguments.rest().size() < 2)
        return Error{Code::invalid_argument, "needs the container's id and a command, or --process"};
    auto const directory = TRY(StateDirectory::open(globals.root, id));
    auto const config_text = TRY(directory.read_config());
    auto config = TRY(oci::parse_config(config_text, oci::needs_no_seccomp));
    if (!config.process)
        return Error{Code::invalid_argument, "process: is missing"};
    auto process = std::move(*config.process);
    process.console_size.reset();
    TRY(apply_options(arguments, process));
    return process;
}

} // namespace

std::span<const Option> exec_options()
{
    static constexpr std::array all{
        Option{"process", 'p', Kind::text, "FILE", "a process as in config.json, instead of COMMAND"},
        Option{"tty", 't', Kind::flag, "", "with a terminal"},
        Option{"detach", 'd', Kind::flag, "", "do not wait for the end"},
        Option{"user", 'u', Kind::text, "UID[:GID]", "as this user"},
        Option{"cwd", 0, Kind::text, "DIR", "working directory"},
        Option{"env", 'e', Kind::text, "NAME=VALUE", "one more variable; once for each"},
        Option{"cap", 'c', Kind::text, "NAME", "one more capability; once for each"},
        Option{"additional-gids", 'g', Kind::text, "GID", "one more group; once for each"},
        Option{"no-new-privs", 0, Kind::flag, "", "it may gain no rights by executing a file"},
        Option{"apparmor", 0, Kind::text, "PROFILE", "its AppArmor profile"},
        Option{"process-label", 0, Kind::text, "LABEL", "its SELinux label"},
        Option{"cgroup", 0, Kind::text, "[CONTROLLER:]PATH", "a cgroup below the container's; once for each"},
        Option{"ignore-paused", 0, Kind::flag, "", "also in a paused container; it runs when that does"},
        Option{"preserve-fds", 0, Kind::text, "N", "pass on N more descriptors, from 3 on"},
        Option{"console-socket", 0, Kind::text, "SOCKET", "unix socket that takes the terminal"},
        Option{"pid-file", 0, Kind::text, "FILE", "write its pid there"},
        Option{"pidfd-socket", 0, Kind::text, "SOCKET", "unix socket that takes a pidfd of it"},
        Option{"no-subreaper", 0, Kind::flag, "", "taken as runc and crun take it, and of no effect"},
    };
    return all;
}

Result<int> exec_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, exec_options(), OptionOrder::before_arguments));
    if (arguments.rest().empty())
        return Error{Code::invalid_argument, "needs the container's id"};
    ExecRequest request;
    request.id = arguments.rest().front();
    request.process = TRY(process_of(globals, arguments, request.id));
    request.process.terminal = request.process.terminal || arguments.has("tty");
    request.console_socket = arguments.get("console-socket");
    request.pid_file = arguments.get("pid-file");
    bool const detach = arguments.has("detach");
    request.attached = !detach && request.console_socket.empty();
    request.ignore_paused = arguments.has("ignore-paused");
    request.pidfd_socket = arguments.get("pidfd-socket");
    request.cgroups = arguments.all("cgroup");
    TRY(check_sub_cgroups(request.cgroups));
    auto const preserve = TRY(base::parse_integer(arguments.get("preserve-fds", "0"), 0, 4096).context("--preserve-fds"));
    request.preserve_fds = TRY(sys::claim_left_descriptors(static_cast<unsigned>(preserve)));
    if (request.process.terminal && detach && request.console_socket.empty())
        return Error{Code::invalid_argument, "--tty: with --detach it needs --console-socket"};
    std::vector<std::string> warnings;
    TRY(check_process(request.process, warnings));
    for (const auto& warning : warnings)
        tell(globals, Severity::warning, warning);
    tell_of_refused_ambient(globals, request.process);
    auto const executed = TRY(execute_in(globals, request));
    if (executed.unfit) {
        tell(globals, Severity::error, "exec: " + executed.unfit->message());
        return executed.unfit->code() == Code::not_found ? no_such_program : unusable_program;
    }
    if (detach)
        return 0;
    Readiness nothing_to_tell;
    return TRY(follow_process(executed.pidfd.get(), executed.terminal, nothing_to_tell)).as_exit_code();
}

} // namespace nova::runtime
