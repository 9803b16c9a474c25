#include "control/claims.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "base/abort_guard_testing.h"
#include "sys/random.h"

namespace nova::control {
namespace {

class ClaimsTest : public testing::Test {
protected:
    ~ClaimsTest() override
    {
        keyspace_.reset();
        std::filesystem::remove_all(root_);
    }

    static std::optional<std::string> number(std::size_t i) { return i < 8 ? std::optional{std::to_string(i)} : std::nullopt; }

    std::string root_ = std::filesystem::temp_directory_path() / ("nova-claims-" + sys::random_hex(12));
    base::AbortGuard const guard_{root_};
    std::unique_ptr<keyspace::Keyspace> keyspace_ = keyspace::open_keyspace(root_).value();
    Claims claims_{*keyspace_};
};

TEST_F(ClaimsTest, give_each_value_to_one_owner_who_keeps_it)
{
    EXPECT_EQ(claims_.ensure("address/default.lab", "a", number).value(), "0");
    EXPECT_EQ(claims_.ensure("address/default.lab", "b", number).value(), "1");
    EXPECT_EQ(claims_.ensure("address/default.lab", "a", number).value(), "0");
    EXPECT_EQ(claims_.ensure("address/default.other", "a", number).value(), "0");
    EXPECT_EQ(claims_.scopes_of("address", "a").value(), (std::set<std::string>{"address/default.lab", "address/default.other"}));
    ASSERT_TRUE(claims_.release("address/default.lab", "a").ok());
    EXPECT_EQ(claims_.ensure("address/default.lab", "c", number).value(), "0");
}

TEST_F(ClaimsTest, say_when_nothing_is_free)
{
    auto const only = [](std::size_t i) { return i == 0 ? std::optional<std::string>{"10.88.0.0/24"} : std::nullopt; };
    EXPECT_EQ(claims_.ensure("subnet", "a", only).value(), "10.88.0.0/24");
    EXPECT_TRUE(base::failed_with(claims_.ensure("subnet", "b", only), base::Code::resource_exhausted));
}

TEST_F(ClaimsTest, agree_when_two_ask_for_the_same_owner_at_once)
{
    for (int round = 0; round < 20; ++round) {
        auto const scope = "round/" + std::to_string(round);
        std::string answers[3];
        {
            std::vector<std::jthread> asking;
            for (auto& answer : answers)
                asking.emplace_back([&] { answer = claims_.ensure(scope, "gateway", number).value(); });
        }
        EXPECT_EQ(answers[0], answers[1]);
        EXPECT_EQ(answers[1], answers[2]);
    }
}

} // namespace
} // namespace nova::control
