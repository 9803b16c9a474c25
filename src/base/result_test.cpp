#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace nova::base {
namespace {

Result<int> half(int number)
{
    if (number % 2 != 0)
        return Error{Code::invalid_argument, std::to_string(number) + " is odd"};
    return number / 2;
}

Result<int> quarter(int number)
{
    auto const once = TRY(half(number).context("first half"));
    return TRY(half(once).context("second half"));
}

TEST(Result, yields_the_value_through_try) { EXPECT_EQ(quarter(8).value(), 2); }

TEST(Result, collects_context_outermost_first)
{
    auto const failed = quarter(6);
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().message(), "second half: 3 is odd");
    EXPECT_EQ(failed.error().code(), Code::invalid_argument);
}

TEST(Result, moves_values_that_cannot_be_copied)
{
    Result<std::unique_ptr<int>> result{std::make_unique<int>(7)};
    auto const taken = std::move(result).value();
    EXPECT_EQ(*taken, 7);
}

TEST(Error, keeps_errno_and_its_class)
{
    auto const error = Error::from_errno("open /nowhere", ENOENT);
    EXPECT_EQ(error.code(), Code::not_found);
    EXPECT_EQ(error.errnum(), ENOENT);
    EXPECT_EQ(error.message(), "open /nowhere: No such file or directory");
}

TEST(Error, lists_every_cause_with_its_place)
{
    auto const error =
        Error::invalid({{"vm.probe.cpu", "must be 1 to 512, is 0", "NovaFile", 12, 3}, {"spec.name", "is missing", "", 0, 0}});
    EXPECT_EQ(error.message(), "NovaFile:12:3: vm.probe.cpu: must be 1 to 512, is 0\nspec.name: is missing");
    EXPECT_EQ(error.causes().size(), 2u);
}

TEST(ResultDeathTest, ends_the_process_when_a_missing_value_is_taken) { EXPECT_DEATH((void)half(3).value(), "3 is odd"); }

} // namespace
} // namespace nova::base
