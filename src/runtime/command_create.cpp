// create, start and run.
#include <stdlib.h>

#include <array>

#include "base/strings.h"
#include "runtime/arguments.h"
#include "runtime/commands.h"
#include "runtime/launch_command.h"
#include "runtime/start.h"
#include "sys/own_process.h"

namespace nova::runtime {

using Kind = Option::Kind;

namespace {

/// Descriptors that systemd's socket activation passed to us go to the container too.
unsigned listen_fds()
{
    const char* const count = std::getenv("LISTEN_FDS");
    return static_cast<unsigned>(base::parse_integer(count ? count : "", 0, 1000).value_or(0));
}

Result<LaunchRequest> request_of(const Arguments& arguments)
{
    LaunchRequest request;
    request.id = TRY(arguments.only("the container's id"));
    request.bundle = TRY(bundle_of(arguments));
    auto const config = arguments.get("config", "config.json");
    request.config = config.starts_with('/') ? config : request.bundle + "/" + config;
    request.console_socket = arguments.get("console-socket");
    request.pid_file = arguments.get("pid-file");
    request.pidfd_socket = arguments.get("pidfd-socket");
    request.root_switch = arguments.has("no-pivot") ? RootSwitch::move : RootSwitch::pivot;
    request.new_keyring = !arguments.has("no-new-keyring");
    auto const preserve = TRY(base::parse_integer(arguments.get("preserve-fds", "0"), 0, 4096).context("--preserve-fds"));
    request.listen_fds = listen_fds();
    request.preserve_fds = TRY(sys::claim_left_descriptors(static_cast<unsigned>(preserve) + request.listen_fds));
    return request;
}

} // namespace

std::span<const Option> launch_options()
{
    static constexpr std::array all{
        Option{"bundle", 'b', Kind::text, "DIR", "where config.json and the root are (default: here)"},
        Option{"config", 'f', Kind::text, "FILE", "another name than config.json"},
        Option{"console-socket", 0, Kind::text, "SOCKET", "unix socket that takes the terminal"},
        Option{"pid-file", 0, Kind::text, "FILE", "write the pid of the first process there"},
        Option{"pidfd-socket", 0, Kind::text, "SOCKET", "unix socket that takes a pidfd of it"},
        Option{"preserve-fds", 0, Kind::text, "N", "pass on N more descriptors, from 3 on"},
        Option{"no-pivot", 0, Kind::flag, "", "move the root instead of pivot_root(2): for hosts that run from their initramfs"},
        Option{"no-new-keyring", 0, Kind::flag, "", "stay in the caller's session keyring"},
        Option{"detach", 'd', Kind::flag, "", "run: do not wait for the end"},
        Option{"keep", 0, Kind::flag, "", "run: do not delete it at the end"},
        Option{"no-subreaper", 0, Kind::flag, "", "taken as runc and crun take it, and of no effect"},
    };
    return all;
}

Result<int> create_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, launch_options(), OptionOrder::anywhere));
    auto const request = TRY(request_of(arguments));
    TRY(launch(globals, request).context(request.id));
    return 0;
}

Result<int> start_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, {}, OptionOrder::anywhere));
    auto const id = TRY(arguments.only("the container's id"));
    TRY(start_container(globals, id));
    return 0;
}

Result<int> run_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, launch_options(), OptionOrder::anywhere));
    auto request = TRY(request_of(arguments));
    return launch_and_follow(globals, std::move(request), arguments, arguments.has("keep") ? AtEnd::keep : AtEnd::remove);
}

} // namespace nova::runtime
