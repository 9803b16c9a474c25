#include <array>
#include <cstdio>
#include <filesystem>

#include "apps/nebulon/commands.h"
#include "apps/nebulon/help.h"
#include "runtime/arguments.h"
#include "sys/default_signals.h"

namespace nova::nebulon {

using base::Code;
using base::Error;
using runtime::Arguments;
using runtime::Option;
using runtime::OptionOrder;
using Kind = Option::Kind;

namespace {

// Those of nb; of the runtime's own ones none changes what we do.
constexpr std::array global_options{
    Option{"root"},           Option{"log"},      Option{"log-format"},           Option{"log-level"},
    Option{"cgroup-manager"}, Option{"rootless"}, Option{"debug", 0, Kind::flag}, Option{"systemd-cgroup", 0, Kind::flag},
    Option{"criu"},
};

struct Command {
    std::string_view name;
    Result<int> (*run)(const Context&, Words);
};
constexpr std::array commands{
    Command{"init", init_command}, Command{"create", create_command}, Command{"run", run_command},
    Command{"ps", ps_command},     Command{"stop", stop_command},     Command{"rm", rm_command},
    Command{"note", note_command}, Command{"volume", volume_command}, Command{"image", image_command},
};

Result<Places> places_of(const Arguments& arguments)
{
    std::error_code failure;
    auto const root = std::filesystem::absolute(arguments.get("root", "/var/lib/nebulon"), failure).lexically_normal().string();
    if (failure || root.empty())
        return Error{Code::invalid_argument, "--root: is no directory's path"};
    return Places{root.size() > 1 && root.back() == '/' ? root.substr(0, root.size() - 1) : root};
}

Result<int> run_command_line(const Arguments& arguments)
{
    const auto& words = arguments.rest();
    for (const auto& command : commands) {
        if (command.name != words.front())
            continue;
        auto places = TRY(places_of(arguments));
        auto const store = TRY(command.name == "init" ? Store::make(std::move(places)) : Store::open(std::move(places)));
        std::error_code failure;
        auto const own = std::filesystem::read_symlink("/proc/self/exe", failure);
        Context const context{store, own.string(), (own.parent_path() / "nb").string()};
        auto done = command.run(context, Words{words}.subspan(1));
        return done.ok() ? done : Result<int>{std::move(done).take_error().context(command.name)};
    }
    return Error{Code::invalid_argument, "unknown command \"" + words.front().substr(0, 80) + "\"; see nb --help"};
}

int tell(const Error& error)
{
    auto text = error.message();
    for (auto& character : text)
        if (static_cast<unsigned char>(character) < 0x20)
            character = ' ';
    std::fprintf(stderr, "nb: %s\n", text.c_str());
    return 1;
}

} // namespace

int run_nebulon(int argc, char** argv)
{
    sys::keep_ends_of_children();
    std::vector<std::string> const words(argv + 1, argv + argc);
    auto const arguments = Arguments::parse(words, global_options, OptionOrder::before_arguments);
    if (!arguments.ok())
        return tell(arguments.error());
    const auto& rest = arguments.value().rest();
    if (rest.empty())
        return tell(Error{Code::invalid_argument, "needs a command; see nb --help"});
    if (rest.size() > 1 && (rest[1] == "--help" || rest[1] == "-h")) {
        auto const help = help_of(rest.front());
        if (help.empty())
            return tell(Error{Code::invalid_argument, "unknown command \"" + rest.front().substr(0, 80) + "\"; see nb --help"});
        return std::fputs(help.c_str(), stdout) < 0 ? 1 : 0;
    }
    auto const code = run_command_line(arguments.value());
    return code.ok() ? code.value() : tell(code.error());
}

} // namespace nova::nebulon
