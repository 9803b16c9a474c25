#include "runtime/command_help.h"

#include <gtest/gtest.h>

#include "runtime/commands.h"
#include "runtime/update_request.h"

namespace nova::runtime {
namespace {

TEST(CommandHelp, tells_name_usage_options_and_an_example)
{
    constexpr std::array options{Option{"bundle", 'b', Option::Kind::text, "DIR", "where it is"},
                                 Option{"detach", 0, Option::Kind::flag, "", "do not wait"}};
    EXPECT_EQ(help_text({"run", "start it", "ID", "run --bundle /b web", options}),
              "NAME:\n   nb run - start it\n\nUSAGE:\n   nb run [OPTIONS] ID\n\n"
              "OPTIONS:\n   --bundle, -b DIR  where it is\n   --detach          do not wait\n\n"
              "EXAMPLE:\n   nb run --bundle /b web\n");
    EXPECT_EQ(help_text({"state", "print it", "ID", "state web", {}}),
              "NAME:\n   nb state - print it\n\nUSAGE:\n   nb state ID\n\nEXAMPLE:\n   nb state web\n");
}

TEST(CommandHelp, is_there_for_every_option_of_every_command)
{
    for (auto* const options : {launch_options, exec_options, kill_options, delete_options, list_options, ps_options,
                                update_options, events_options, checkpoint_options, restore_options, spec_options})
        for (const auto& option : options()) {
            EXPECT_FALSE(option.help.empty()) << option.name;
            EXPECT_EQ(option.value.empty(), option.kind == Option::Kind::flag) << option.name;
        }
}

TEST(CommandHelp, is_asked_for_before_the_first_argument)
{
    constexpr std::array options{Option{"bundle", 'b'}, Option{"detach", 'd', Option::Kind::flag}};
    using List = std::vector<std::string>;
    for (const auto& words : {List{"--help"}, List{"-h"}, List{"-d", "--help"}, List{"--bundle", "/b", "-h"},
                              List{"--bundle=/b", "-h"}, List{"--unknown", "--help"}})
        EXPECT_TRUE(asks_for_help(words, options)) << words.front();
    for (const auto& words : {List{}, List{"web"}, List{"web", "ls", "--help"}, List{"-d", "web", "-h"},
                              List{"--bundle", "--help"}, List{"-b", "-h", "web"}, List{"--", "--help"}})
        EXPECT_FALSE(asks_for_help(words, options)) << (words.empty() ? "nothing" : words.front());
}

} // namespace
} // namespace nova::runtime
