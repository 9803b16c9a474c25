// What the command line answers before any container is touched.
#include "runtime/container_fixture.h"

namespace nova::runtime {
namespace {

class CommandLine : public ContainerTest {};

TEST_F(CommandLine, ends_with_1_at_a_global_option_s_value_that_is_none)
{
    for (const auto& [option, value] : std::vector<std::pair<std::string, std::string>>{
             {"--log-format", "xml"}, {"--cgroup-manager", "mine"}, {"--rootless", "maybe"}}) {
        auto const finished = nb({option, value, "list"});
        EXPECT_EQ(finished.status.as_exit_code(), 1) << option;
        EXPECT_TRUE(finished.err.starts_with("nb: " + option + ": ")) << finished.err;
    }
}

} // namespace
} // namespace nova::runtime
