// checkpoint and restore.
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "runtime/arguments.h"
#include "runtime/checkpoint.h"
#include "runtime/commands.h"
#include "runtime/launch_command.h"

namespace nova::runtime {

using base::Code;
using base::Error;
using Kind = Option::Kind;

namespace {

/// Those of checkpoint and restore, after what only one of them has.
constexpr std::array common_options{
    Option{"work-path", 0, Kind::text, "DIR", "where logs go"},
    Option{"tcp-established", 0, Kind::flag, "", "with open TCP connections"},
    Option{"ext-unix-sk", 0, Kind::flag, "", "with unix sockets of others"},
    Option{"shell-job", 0, Kind::flag, "", "with a terminal of others"},
    Option{"file-locks", 0, Kind::flag, "", "with locks of files"},
    Option{"link-remap", 0, Kind::flag, "", "with open files that have no name any more"},
    Option{"auto-dedup", 0, Kind::flag, "", "without pages that are in a newer image"},
    Option{"empty-ns", 0, Kind::text, "network", "leave the network namespace empty"},
    Option{"manage-cgroups-mode", 0, Kind::text, "MODE", "ignore, none, soft (default), full or strict"},
    Option{"lazy-pages", 0, Kind::flag, "", "refused: memory is in the files"},
};

template <std::size_t N>
constexpr auto with_common(const std::array<Option, N>& own)
{
    std::array<Option, N + common_options.size()> all{};
    std::copy(common_options.begin(), common_options.end(), std::copy(own.begin(), own.end(), all.begin()));
    return all;
}

struct Refusal {
    std::string_view option;
    std::string_view why;
};
/// What runc knows and we can't do.
constexpr std::array refusals{
    Refusal{"lazy-pages", "memory is restored from the images alone, and before the program runs"},
    Refusal{"page-server", "memory is written to the images alone"},
    Refusal{"status-fd", "it is for --lazy-pages"},
    Refusal{"lsm-profile", "labels are those of the checkpoint"},
    Refusal{"lsm-mount-context", "labels are those of the checkpoint"},
};

Status check_refused(const Arguments& arguments)
{
    for (const auto& [option, why] : refusals)
        if (arguments.has(option))
            return Error{Code::unimplemented, "--" + std::string{option} + ": is not supported: " + std::string{why}};
    return base::done();
}

Result<std::string> absolute(const std::string& path)
{
    if (path.starts_with('/'))
        return path;
    std::array<char, PATH_MAX> here{};
    if (!::getcwd(here.data(), here.size()))
        return Error::from_errno("look where we are");
    return std::string{here.data()} + "/" + path;
}

/// As runc has it: without a path the images lie beside us.
Result<CriuSettings> settings_of(const Arguments& arguments)
{
    TRY(check_refused(arguments));
    CriuSettings settings;
    settings.image_path = TRY(absolute(arguments.get("image-path", "checkpoint")));
    if (auto const work = arguments.find("work-path"))
        settings.work_path = TRY(absolute(*work));
    settings.cgroup_mode = arguments.get("manage-cgroups-mode");
    TRY(parse_cgroup_mode(settings.cgroup_mode));
    settings.tcp_established = arguments.has("tcp-established");
    settings.external_unix_sockets = arguments.has("ext-unix-sk");
    settings.shell_job = arguments.has("shell-job");
    settings.file_locks = arguments.has("file-locks");
    settings.link_remap = arguments.has("link-remap");
    settings.auto_dedup = arguments.has("auto-dedup");
    for (const auto& kind : arguments.all("empty-ns"))
        if (kind != "network")
            return Error{Code::invalid_argument, "--empty-ns: must be network, is \"" + kind.substr(0, 80) + "\""};
    settings.empty_network = arguments.find("empty-ns").has_value();
    return settings;
}

} // namespace

std::span<const Option> checkpoint_options()
{
    static constexpr auto all = with_common(std::array{
        Option{"image-path", 0, Kind::text, "DIR", "where the files go (default: checkpoint)"},
        Option{"leave-running", 'R', Kind::flag, "", "let it run on"},
        Option{"pre-dump", 0, Kind::flag, "", "memory alone, and let it run on"},
        Option{"tcp-skip-in-flight", 0, Kind::flag, "", "without connections that nobody has accepted yet"},
        Option{"parent-path", 0, Kind::text, "DIR", "where an earlier --pre-dump is, from the image path"},
        Option{"page-server", 0, Kind::text, "ADDRESS", "refused: memory is in the files"},
        Option{"status-fd", 0, Kind::text, "FD", "refused: it is for --lazy-pages"},
    });
    return all;
}

std::span<const Option> restore_options()
{
    static constexpr auto all = with_common(std::array{
        Option{"image-path", 0, Kind::text, "DIR", "where the files are (default: checkpoint)"},
        Option{"bundle", 'b', Kind::text, "DIR", "where config.json and the root are (default: here)"},
        Option{"detach", 'd', Kind::flag, "", "do not wait for the end"},
        Option{"console-socket", 0, Kind::text, "SOCKET", "unix socket that takes the terminal"},
        Option{"pid-file", 0, Kind::text, "FILE", "write the pid of the first process there"},
        Option{"no-pivot", 0, Kind::flag, "", "taken as runc and crun take it, and of no effect"},
        Option{"no-subreaper", 0, Kind::flag, "", "taken as runc and crun take it, and of no effect"},
        Option{"lsm-profile", 0, Kind::text, "PROFILE", "refused: labels stay what they were"},
        Option{"lsm-mount-context", 0, Kind::text, "CONTEXT", "refused: labels stay what they were"},
    });
    return all;
}

Result<int> checkpoint_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, checkpoint_options(), OptionOrder::anywhere));
    CheckpointRequest request;
    request.id = TRY(arguments.only("the container's id"));
    request.settings = TRY(settings_of(arguments));
    request.settings.tcp_skip_in_flight = arguments.has("tcp-skip-in-flight");
    request.parent_path = arguments.get("parent-path");
    if (request.parent_path.starts_with('/'))
        return Error{Code::invalid_argument, "--parent-path: must be relative to the images"};
    request.kind = arguments.has("pre-dump") ? CheckpointKind::memory_only : CheckpointKind::whole;
    request.leave_running = arguments.has("leave-running");
    TRY(checkpoint_container(globals, request));
    return 0;
}

Result<int> restore_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, restore_options(), OptionOrder::anywhere));
    auto const settings = TRY(settings_of(arguments));
    LaunchRequest request;
    request.id = TRY(arguments.only("the container's id"));
    request.images = &settings;
    request.bundle = TRY(bundle_of(arguments));
    request.config = request.bundle + "/config.json";
    request.console_socket = arguments.get("console-socket");
    request.pid_file = arguments.get("pid-file");
    return launch_and_follow(globals, std::move(request), arguments, AtEnd::remove);
}

} // namespace nova::runtime
