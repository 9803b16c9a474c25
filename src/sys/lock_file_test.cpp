#include "sys/lock_file.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace nova::sys {
namespace {

TEST(LockFile, is_held_once_and_free_after_its_descriptor_is_closed)
{
    auto const path = (std::filesystem::temp_directory_path() / ("nova-lock-" + std::to_string(::getpid()))).string();
    {
        auto const first = lock_file(path);
        ASSERT_TRUE(first.ok());
        EXPECT_TRUE(base::failed_with(lock_file(path), base::Code::failed_precondition));
    }
    EXPECT_TRUE(lock_file(path).ok());
    std::filesystem::remove(path);
}

} // namespace
} // namespace nova::sys
