#include "apps/nebulon/call.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace nova::nebulon {
namespace {

using Words = std::span<const char* const>;
using std::string_view;

constexpr std::array<string_view, 7> globals_with_value{"root",           "log",      "log-format", "log-level",
                                                        "cgroup-manager", "rootless", "criu"};
constexpr std::array<string_view, 5> only_nebulon{"init", "stop", "rm", "volume", "image"};
constexpr std::array<string_view, 12> only_runtime_options{"bundle",         "b",
                                                           "config",         "f",
                                                           "console-socket", "pid-file",
                                                           "pidfd-socket",   "preserve-fds",
                                                           "no-pivot",       "no-new-keyring",
                                                           "no-subreaper",   "keep"};
constexpr std::array<string_view, 18> only_nebulon_options{"hostname", "rootfs",  "r",      "workdir", "w",    "env",
                                                           "e",        "uid",     "u",      "gid",     "g",    "volume",
                                                           "v",        "volumes", "memory", "m",       "cpus", "c"};

template <std::size_t count>
bool holds(const std::array<string_view, count>& all, string_view word)
{
    return std::find(all.begin(), all.end(), word) != all.end();
}

bool is_option(string_view word) { return word.size() > 1 && word[0] == '-' && word != "--"; }

/// "--bundle=x" -> "bundle"
string_view name_of(string_view option)
{
    option.remove_prefix(option[1] == '-' ? 2 : 1);
    return option.substr(0, option.find('='));
}

/// Where the command stands; the number of words where there is none.
std::size_t find_command(Words words)
{
    std::size_t at = 0;
    while (at < words.size() && is_option(words[at])) {
        bool const takes_next =
            string_view{words[at]}.find('=') == string_view::npos && holds(globals_with_value, name_of(words[at]));
        at += takes_next ? 2 : 1;
    }
    return std::min(at, words.size());
}

bool is_argument(const char* word) { return !is_option(word); }

bool names_bundle(const char* word) { return string_view{word} == "--bundle" || string_view{word}.starts_with("--bundle="); }

bool is_runtime_option(const char* word) { return is_option(word) && holds(only_runtime_options, name_of(word)); }

/// Of create and run, which both have. What stands behind create's argument is the new container's command.
Call whose_start(string_view command, Words rest, bool (*bundle_here)())
{
    std::size_t at = 0;
    for (; at < rest.size() && is_option(rest[at]); ++at) {
        auto const name = name_of(rest[at]);
        if (holds(only_runtime_options, name))
            return Call::runtime;
        if (holds(only_nebulon_options, name))
            return Call::nebulon;
    }
    bool const ends_options = at < rest.size() && string_view{rest[at]} == "--";
    auto const arguments = rest.subspan(ends_options ? at + 1 : at);
    auto* const is_runtimes = command == "run" ? is_runtime_option : names_bundle;
    if (!ends_options && std::any_of(arguments.begin(), arguments.end(), is_runtimes))
        return Call::runtime;
    return arguments.size() == 1 && bundle_here() ? Call::runtime : Call::nebulon;
}

} // namespace

Call whose_call(Words words, bool (*bundle_here)())
{
    auto const at = find_command(words);
    if (at == words.size())
        return Call::runtime;
    string_view const command = words[at];
    auto const rest = words.subspan(at + 1);
    if (holds(only_nebulon, command))
        return Call::nebulon;
    bool const both = command == "create" || command == "run" || command == "ps";
    if (both && !rest.empty() && (string_view{rest[0]} == "--help" || string_view{rest[0]} == "-h"))
        return Call::help;
    if (command == "ps")
        return std::any_of(rest.begin(), rest.end(), is_argument) ? Call::runtime : Call::nebulon;
    return both ? whose_start(command, rest, bundle_here) : Call::runtime;
}

void become_nebulon(char** argv)
{
    std::array<char, PATH_MAX> own{};
    auto const count = ::readlink("/proc/self/exe", own.data(), own.size() - 1);
    std::string program{own.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
    program.resize(program.rfind('/') + 1); // npos + 1 is 0.
    program += "nb-nebulon";
    ::execv(program.c_str(), argv);
}

int tell_missing_nebulon()
{
    constexpr string_view problem = "nb: this is a command of Nebulon, and its program nb-nebulon is not beside nb;"
                                    " an OCI bundle is named with --bundle\n";
    (void)!::write(STDERR_FILENO, problem.data(), problem.size());
    return 1;
}

} // namespace nova::nebulon
