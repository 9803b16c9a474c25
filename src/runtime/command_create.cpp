// create, start and run.
#include <stdlib.h>

#include <array>

#include "base/strings.h"
#include "runtime/arguments.h"
#include "runtime/commands.h"
#include "runtime/launch_command.h"
#include "runtime/start.h"

namespace nova::runtime {

using Kind = Option::Kind;

namespace {

constexpr std::array launch_options{
    Option{"bundle", 'b'},
    Option{"config", 'f'}, // crun's: another name than config.json.
    Option{"console-socket"},
    Option{"pid-file"},
    Option{"pidfd-socket"},
    Option{"preserve-fds"},
    Option{"no-pivot", 0, Kind::flag},
    Option{"detach", 'd', Kind::flag},
    Option{"no-new-keyring", 0, Kind::flag},
    Option{"no-subreaper", 0, Kind::flag},
    Option{"keep", 0, Kind::flag},
};

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
    request.preserve_fds = static_cast<unsigned>(preserve) + request.listen_fds;
    return request;
}

} // namespace

Result<int> create_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, launch_options, OptionOrder::anywhere));
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
    auto const arguments = TRY(Arguments::parse(words, launch_options, OptionOrder::anywhere));
    auto request = TRY(request_of(arguments));
    return launch_and_follow(globals, std::move(request), arguments, arguments.has("keep") ? AtEnd::keep : AtEnd::remove);
}

} // namespace nova::runtime
