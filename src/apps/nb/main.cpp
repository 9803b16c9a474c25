#include <unistd.h>

#include <array>
#include <span>
#include <string_view>

#include "apps/nebulon/call.h"
#include "network/endpoint.h"
#include "runtime/commands.h"
#include "supervisor/supervise.h"
#include "sys/early_seal.h"
#include "sys/namespace.h"

namespace {

int run_endpoint(int, char**) { return nova::network::endpoint_main(); }

int run_supervisor(int argc, char** argv) { return nova::supervisor::supervise({argv + 2, argv + argc}); }

struct Mode {
    std::string_view name;
    int (*run)(int argc, char** argv);
};
constexpr std::array modes{Mode{"endpoint", run_endpoint}, Mode{"supervise", run_supervisor}};

bool bundle_here() { return ::access("config.json", F_OK) == 0; }

} // namespace

// A container's process is born from our own file where these stand. Only for speed: run_nb() looks for itself.
const char* const nova_early_seal_words[] = {"--bundle", "-b", "exec", nullptr};
const char* const nova_early_last_words[] = {"create", "run", nullptr}; // With the one argument that makes them the runtime's.
const char nova_early_last_file[] = "config.json";
// Nebulon's program is looked for beside ours, so we must know where that is: its words, and its options, which may come first.
const char* const nova_early_plain_words[] = {"init",     "stop",  "rm",        "volume",   "image", "ps",       "--hostname",
                                              "--rootfs", "-r",    "--workdir", "-w",       "--env", "-e",       "--uid",
                                              "-u",       "--gid", "-g",        "--volume", "-v",    "--memory", "-m",
                                              "--cpus",   "-c",    "--help",    "-h",       nullptr};

/// nb is three programs in one file; the first word decides.
int main(int argc, char** argv)
{
    for (const auto& mode : modes)
        if (argc > 1 && mode.name == argv[1])
            return mode.run(argc, argv);
    auto const words = std::span<const char* const>{argv, static_cast<std::size_t>(argc)}.subspan(argc > 0 ? 1 : 0);
    auto const call = nova::nebulon::whose_call(words, bundle_here);
    if (call == nova::nebulon::Call::runtime)
        nova::sys::exit_now(nova::runtime::run_nb(argc, argv)); // Nothing is left to be flushed or put away.
    int const code = call == nova::nebulon::Call::help ? nova::runtime::run_nb(argc, argv) : 0;
    nova::nebulon::become_nebulon(argv);
    return call == nova::nebulon::Call::help ? code : nova::nebulon::tell_missing_nebulon();
}
