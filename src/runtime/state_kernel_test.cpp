// What is told of a container's state, and when.
#include "runtime/container_fixture.h"

namespace nova::runtime {
namespace {

using StateOf = ContainerTest;

TEST_F(StateOf, is_told_member_by_member)
{
    ASSERT_EQ(create(), 0);
    auto const told = nb({"state", id}).out;
    EXPECT_NE(told.find("\n\t\"id\": \"" + id + "\",\n"), std::string::npos) << told;
    EXPECT_NE(told.find("\n\t\"status\": \"created\",\n"), std::string::npos) << told;
    EXPECT_TRUE(told.ends_with("\n}\n")) << told;
}

TEST_F(StateOf, is_created_for_who_asks_while_it_is_made)
{
    auto const told = (directory / "told").string(); // An answer was given.
    auto const answer_with_hook = [&](const std::string& hook) {
        fs::remove(told);
        config["hooks"]["createRuntime"] = {{{"path", "/bin/sh"}, {"args", {"sh", "-c", hook}}}};
        write_config();
        auto const command = program() + " --root " + state.string() + " ";
        return sys::run_child(
                   {.child = {.program = "/bin/sh",
                              .argv = {"sh", "-c",
                                       command + "create --bundle " + bundle.string() + " " + id + " >&2 & until " + command +
                                           "state " + id + " 2>/dev/null; do :; done; touch " + told + "; wait"}},
                    .input = {}})
            .value()
            .out;
    };
    std::string prompt;
    for (int round = 0; round < 40 && prompt.find("\"status\": \"created\"") == std::string::npos; ++round) {
        prompt = answer_with_hook("sleep 0.1"); // A busy machine needs longer for that than anybody waits.
        EXPECT_EQ(nb({"delete", "--force", id}).status.as_exit_code(), 0);
    }
    EXPECT_NE(prompt.find("\"status\": \"created\""), std::string::npos) << prompt;
    auto const until_told = "i=0; until [ -e " + told + " ] || [ $((i += 1)) -gt 600 ]; do sleep 0.1; done";
    EXPECT_NE(answer_with_hook(until_told).find("\"status\": \"creating\""), std::string::npos)
        << "a hook that asks is waited for";
}

} // namespace
} // namespace nova::runtime
