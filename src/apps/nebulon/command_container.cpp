// init, create, run, ps, stop, rm, and what nb's hooks call.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/nebulon/bundle.h"
#include "apps/nebulon/commands.h"
#include "base/strings.h"
#include "runtime/arguments.h"
#include "runtime/remove.h"
#include "runtime/state.h"
#include "storage/images.h"
#include "storage/rootfs.h"
#include "storage/volumes.h"
#include "sys/file.h"
#include "sys/pidfd.h"

namespace nova::nebulon {

using base::Code;
using base::Deadline;
using base::Error;
using runtime::Arguments;
using runtime::Option;
using runtime::OptionOrder;
using Kind = Option::Kind;

namespace {

constexpr long long most_id = 0xfffffffe;
constexpr std::size_t most_state = 1u << 20;

constexpr std::array create_options{Option{"hostname"},    Option{"rootfs", 'r'}, Option{"workdir", 'w'}, Option{"env", 'e'},
                                    Option{"uid", 'u'},    Option{"gid", 'g'},    Option{"volume", 'v'},  Option{"volumes"},
                                    Option{"memory", 'm'}, Option{"cpus", 'c'}};
constexpr std::array run_options{Option{"detach", 'd', Kind::flag}};
constexpr std::array ps_options{Option{"quiet", 'q', Kind::flag}};
constexpr std::array stop_options{Option{"time", 't'}};

Result<double> parse_cpus(const std::string& text)
{
    double number = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size() || !std::isfinite(number))
        return Error{Code::invalid_argument, "--cpus: must be a number, as 0.5, is \"" + text.substr(0, 40) + "\""};
    return number;
}

/// "/srv/root" and "./root" are directories, "web:1.0" is an image.
Result<std::string> find_root(const Store& store, const std::string& given)
{
    if (given.empty())
        return Error{Code::invalid_argument, "--rootfs: is empty"};
    if (given.front() != '/' && given.front() != '.') {
        auto images = TRY(storage::ImageStore::open(store.places().images()));
        auto const image = images.get(given);
        if (base::failed_with(image, Code::not_found))
            return Error{Code::not_found, "--rootfs: there is no image " + given +
                                              "; 'nb image import' brings one in, and a directory begins with / or ./"};
        return image.ok() ? Result<std::string>{image.value().reference} : Result<std::string>{image.error()};
    }
    std::error_code failure;
    auto const path = std::filesystem::canonical(given, failure);
    if (failure || !std::filesystem::is_directory(path, failure))
        return Error{Code::not_found, "--rootfs: there is no directory " + given.substr(0, 200)};
    if (std::filesystem::is_empty(path, failure))
        return Error{Code::failed_precondition,
                     "--rootfs: " + path.string() + " is empty: it must hold a root (busybox's will do)"};
    return path.string();
}

Result<Volume> find_volume(const Store& store, const std::string& text)
{
    auto volume = TRY(parse_volume(text));
    if (volume.source.front() == '/' || volume.source.front() == '.') {
        std::error_code failure;
        auto const path = std::filesystem::canonical(volume.source, failure);
        if (failure)
            return Error{Code::not_found, "--volume: there is no " + volume.source.substr(0, 200)};
        volume.source = path.string();
        return volume;
    }
    auto volumes = TRY(storage::Volumes::open(store.places().volumes()));
    auto const known = TRY(volumes.list(volume_space));
    if (std::find(known.begin(), known.end(), volume.source) == known.end())
        return Error{Code::not_found, "--volume: there is no volume " + volume.source.substr(0, 80) +
                                          "; 'nb volume create' makes one, and a directory begins with / or ./"};
    return volume;
}

bool sets(const std::vector<std::string>& env, const std::string& name_and_equals)
{
    return std::any_of(env.begin(), env.end(), [&](const auto& entry) { return entry.starts_with(name_and_equals); });
}

/// What an image says where the user said nothing.
Status fill_from_image(const Store& store, ContainerConfig& config, bool has_workdir)
{
    auto images = TRY(storage::ImageStore::open(store.places().images()));
    auto const image = TRY(images.get(config.rootfs));
    const auto& wish = image.config;
    for (const auto& entry : wish.env)
        if (!sets(config.env, entry.substr(0, entry.find('=') + 1)))
            config.env.push_back(entry);
    if (!has_workdir && !wish.working_dir.empty())
        config.working_dir = wish.working_dir;
    if (!config.command.empty())
        return base::done();
    auto words = wish.entrypoint;
    words.insert(words.end(), wish.command.begin(), wish.command.end());
    if (words.empty())
        return Error{Code::invalid_argument, "needs a command: image " + config.rootfs + " names none"};
    config.command = words.front();
    config.args.assign(words.begin() + 1, words.end());
    return base::done();
}

Result<ContainerConfig> config_from(const Store& store, const Arguments& arguments)
{
    ContainerConfig config;
    config.rootfs = TRY(find_root(store, arguments.get("rootfs", store.places().rootfs())));
    if (!arguments.rest().empty()) {
        config.command = arguments.rest().front();
        config.args.assign(arguments.rest().begin() + 1, arguments.rest().end());
    }
    config.env = arguments.all("env");
    config.working_dir = arguments.get("workdir", "/");
    config.hostname = arguments.get("hostname");
    config.uid = static_cast<std::uint32_t>(TRY(base::parse_integer(arguments.get("uid", "0"), 0, most_id).context("--uid")));
    config.gid = static_cast<std::uint32_t>(TRY(base::parse_integer(arguments.get("gid", "0"), 0, most_id).context("--gid")));
    for (const char* const name : {"volume", "volumes"})
        for (const auto& text : arguments.all(name))
            config.volumes.push_back(TRY(find_volume(store, text)));
    if (auto const memory = arguments.find("memory"))
        config.memory = TRY(base::parse_bytes(*memory).context("--memory"));
    if (auto const cpus = arguments.find("cpus"))
        config.cpus = TRY(parse_cpus(*cpus));
    if (config.is_image())
        TRY(fill_from_image(store, config, arguments.find("workdir").has_value()));
    if (config.command.empty())
        return Error{Code::invalid_argument, "needs a command: nb create [OPTIONS] COMMAND ARGS..."};
    return config;
}

Result<std::string> only_id(const Arguments& arguments)
{
    auto id = TRY(arguments.only("the container's id"));
    TRY(check_id(id));
    return id;
}

bool runs(const Container& container) { return container.state == State::running; }

/// Until it has ended, or the deadline passes.
Status wait_for_end(const sys::UniqueFd& process, std::chrono::seconds time)
{
    auto const waited = sys::wait_pidfd(process.get(), Deadline::after(time)); // Not our child: tells its end as an error.
    bool const ended = (waited.ok() && waited.value()) || base::failed_with(waited, Code::failed_precondition);
    return ended ? base::done() : Status{Error{Code::deadline_exceeded, "it still runs"}};
}

/// Its first process. Empty: it has ended.
Result<std::optional<sys::UniqueFd>> process_of(const Store& store, const std::string& id)
{
    auto const directory = runtime::StateDirectory::open(store.places().runtime_state(), id);
    if (base::failed_with(directory, Code::not_found))
        return std::optional<sys::UniqueFd>{};
    if (!directory.ok())
        return directory.error();
    auto const record = directory.value().read();
    if (base::failed_with(record, Code::not_found))
        return std::optional<sys::UniqueFd>{};
    if (!record.ok())
        return record.error();
    auto process = runtime::open_process(record.value());
    if (base::failed_with(process, Code::not_found))
        return std::optional<sys::UniqueFd>{};
    return std::optional{TRY(std::move(process))};
}

/// The hook took its end for one of its own.
Status mark_stopped(const Store& store, const std::string& id)
{
    auto const held = TRY(store.lock());
    auto container = TRY(store.read(id));
    container.state = State::stopped;
    container.pid = 0;
    TRY(store.write(container));
    return base::done();
}

} // namespace

Result<int> init_command(const Context& context, Words words)
{
    if (!words.empty())
        return Error{Code::invalid_argument, "takes no argument"};
    std::printf("%s is ready; put a root into %s\n", context.store.places().root.c_str(),
                context.store.places().rootfs().c_str());
    return 0;
}

Result<int> create_command(const Context& context, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, create_options, OptionOrder::before_arguments));
    auto const held = TRY(context.store.lock());
    auto const container = TRY(context.store.create(TRY(config_from(context.store, arguments))));
    std::printf("%s\n", container.id.c_str());
    return 0;
}

Result<int> run_command(const Context& context, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, run_options, OptionOrder::anywhere));
    auto const id = TRY(only_id(arguments));
    auto const claim = TRY(context.store.claim(id));
    auto const held = TRY(context.store.lock()); // Let go by exec.
    auto const container = TRY(context.store.read(id));
    bool const terminal = !arguments.has("detach") && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
    TRY(write_bundle(context.store, container, context.program, terminal).context(id));
    auto const bundle = context.store.places().container(id);
    auto const state = context.store.places().runtime_state();
    std::vector<const char*> argv{"nb", "--root", state.c_str(), "run", "--bundle", bundle.c_str()};
    if (arguments.has("detach"))
        argv.push_back("--detach");
    argv.insert(argv.end(), {id.c_str(), nullptr});
    ::fcntl(claim.get(), F_SETFD, 0); // Goes over to nb, and ends with it.
    ::execv(context.runtime.c_str(), const_cast<char**>(argv.data()));
    return Error::from_errno("start " + context.runtime);
}

Result<int> ps_command(const Context& context, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, ps_options, OptionOrder::anywhere));
    bool const quiet = arguments.has("quiet");
    if (!quiet)
        std::printf("%-13s %-9s %-8s %s\n", "CONTAINER ID", "STATUS", "PID", "COMMAND");
    for (const auto& id : TRY(context.store.list())) {
        auto const observed = context.store.observe(id);
        if (base::failed_with(observed, Code::not_found))
            continue; // Removed since.
        auto const container = TRY(Result<Container>{observed});
        auto command = container.config.command;
        for (const auto& word : container.config.args)
            command += " " + word;
        std::replace_if(
            command.begin(), command.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
        if (quiet)
            std::printf("%s\n", id.c_str());
        else
            std::printf("%-13s %-9s %-8s %s\n", id.c_str(), std::string{to_string(container.state)}.c_str(),
                        container.pid == 0 ? "-" : std::to_string(container.pid).c_str(), command.substr(0, 80).c_str());
    }
    return 0;
}

Result<int> stop_command(const Context& context, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, stop_options, OptionOrder::anywhere));
    auto const id = TRY(only_id(arguments));
    auto const grace = std::chrono::seconds{TRY(base::parse_integer(arguments.get("time", "10"), 0, 86400).context("--time"))};
    auto const container = TRY(context.store.observe(id));
    if (container.state == State::created)
        return Error{Code::failed_precondition, id + " was never run: 'nb run " + id + "' starts it"};
    if (!runs(container))
        return 0; // Dead already: that is what was asked for.
    if (auto const process = TRY(process_of(context.store, id))) {
        (void)sys::signal_pidfd(process->get(), SIGTERM); // It may end by itself meanwhile.
        if (!wait_for_end(*process, grace).ok()) {
            (void)sys::signal_pidfd(process->get(), SIGKILL);
            TRY(wait_for_end(*process, std::chrono::seconds{30}).context(id + ": kill"));
        }
    }
    TRY(runtime::remove_container(context.store.runtime_globals(), id, runtime::Force::yes).context(id));
    TRY(mark_stopped(context.store, id));
    return 0;
}

Result<int> rm_command(const Context& context, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, {}, OptionOrder::anywhere));
    auto const id = TRY(only_id(arguments));
    auto const claim = TRY(context.store.claim(id));
    auto const held = TRY(context.store.lock());
    TRY(context.store.remove(id));
    return 0;
}

Result<int> note_command(const Context& context, Words words)
{
    if (words.size() != 2 || (words[0] != "started" && words[0] != "ended"))
        return Error{Code::invalid_argument, "is for nb's hooks"};
    auto const state = nlohmann::json::parse(TRY(sys::read_all(STDIN_FILENO, most_state)), nullptr, /*allow_exceptions=*/false);
    auto const held = TRY(context.store.lock());
    auto container = TRY(context.store.read(words[1]));
    bool const started = words[0] == "started";
    if (started && state.is_object() && state.contains("pid") && state["pid"].is_number_integer())
        container.pid = state["pid"].get<pid_t>();
    else
        container.pid = 0;
    if (started || container.state == State::running)
        container.state = started ? State::running : State::exited;
    if (!started && container.config.is_image())
        TRY(storage::unmount_rootfs(context.store.places().container(container.id)));
    TRY(context.store.write(container));
    return 0;
}

} // namespace nova::nebulon
