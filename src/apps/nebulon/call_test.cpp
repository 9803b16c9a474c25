#include "apps/nebulon/call.h"

#include <gtest/gtest.h>

#include <vector>

namespace nova::nebulon {
namespace {

bool here() { return true; }
bool not_here() { return false; }

Call call(const std::vector<const char*>& words, bool (*bundle_here)() = not_here) { return whose_call(words, bundle_here); }

TEST(NebulonCall, is_every_command_that_the_runtime_does_not_have)
{
    for (const auto& words : std::vector<std::vector<const char*>>{{"init"},
                                                                   {"stop", "x"},
                                                                   {"volume", "ls"},
                                                                   {"image"},
                                                                   {"rm"},
                                                                   {"--root", "/x", "init"},
                                                                   {"--root=/x", "--debug", "stop", "x"}})
        EXPECT_EQ(call(words, here), Call::nebulon) << words.front();
    for (const char* const command : {"start", "exec", "state", "list", "kill", "delete", "pause", "spec", "features", "nosuch"})
        EXPECT_EQ(call({command, "stop"}), Call::runtime) << command;
    EXPECT_EQ(call({}), Call::runtime);
    EXPECT_EQ(call({"--help"}), Call::runtime);
    EXPECT_EQ(call({"--root", "init"}), Call::runtime) << "a value is no command";
}

TEST(NebulonCall, of_ps_is_the_one_without_an_id)
{
    EXPECT_EQ(call({"ps"}), Call::nebulon);
    EXPECT_EQ(call({"ps", "--quiet"}), Call::nebulon);
    EXPECT_EQ(call({"ps", "web"}), Call::runtime);
    EXPECT_EQ(call({"ps", "--format", "json", "web"}), Call::runtime);
}

TEST(NebulonCall, of_create_and_run_means_the_runtime_with_a_bundle)
{
    for (const char* const command : {"create", "run"}) {
        EXPECT_EQ(call({command, "--bundle", "/b", "web"}), Call::runtime);
        EXPECT_EQ(call({command, "-b", "/b", "web"}), Call::runtime);
        EXPECT_EQ(call({command, "--bundle=/b", "web"}), Call::runtime);
        EXPECT_EQ(call({command, "--config", "other.json", "web"}), Call::runtime);
        EXPECT_EQ(call({command, "web", "--bundle", "/b"}), Call::runtime);
        EXPECT_EQ(call({command, "--pid-file", "/p", "web"}), Call::runtime);
        EXPECT_EQ(call({command, "web"}, here), Call::runtime);
        EXPECT_EQ(call({command, "--detach", "web"}, here), Call::runtime);
        EXPECT_EQ(call({command, "--", "web"}, here), Call::runtime);
        EXPECT_EQ(call({command, "--", "web"}, not_here), Call::nebulon);
        EXPECT_EQ(call({command, "--", "ping", "--bundle"}, here), Call::nebulon) << "a command and its argument";
        EXPECT_EQ(call({command, "web"}, not_here), Call::nebulon);
        EXPECT_EQ(call({command, "ping", "google.com"}, here), Call::nebulon) << "two arguments";
        EXPECT_EQ(call({command}, here), Call::nebulon);
        EXPECT_EQ(call({command, "--help"}, here), Call::help);
    }
    EXPECT_EQ(call({"create", "--rootfs", "/r", "ping"}, here), Call::nebulon);
    EXPECT_EQ(call({"create", "--volumes=/a:/b", "ping"}, here), Call::nebulon);
    EXPECT_EQ(call({"run", "web", "-b", "/b"}, not_here), Call::runtime);
    EXPECT_EQ(call({"run", "web", "--pid-file=/p"}, here), Call::runtime);
    EXPECT_EQ(call({"create", "grep", "-b", "x"}, here), Call::nebulon) << "an option of the command";
}

} // namespace
} // namespace nova::nebulon
