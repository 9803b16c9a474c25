#include <array>
#include <string_view>

#include "network/endpoint.h"
#include "runtime/commands.h"
#include "supervisor/supervise.h"

namespace {

int run_endpoint(int, char**) { return nova::network::endpoint_main(); }

int run_supervisor(int argc, char** argv) { return nova::supervisor::supervise({argv + 2, argv + argc}); }

struct Mode {
    std::string_view name;
    int (*run)(int argc, char** argv);
};
constexpr std::array modes{Mode{"endpoint", run_endpoint}, Mode{"supervise", run_supervisor}};

} // namespace

/// nb is three programs in one file; the first word decides.
int main(int argc, char** argv)
{
    for (const auto& mode : modes)
        if (argc > 1 && mode.name == argv[1])
            return mode.run(argc, argv);
    return nova::runtime::run_nb(argc, argv);
}
