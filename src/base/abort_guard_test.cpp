#include "base/abort_guard_testing.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/result.h"

namespace nova::base {
namespace {

namespace fs = std::filesystem;

Result<int> nobody_expected_this() { return Error{Code::internal, "the fault of this test"}; }

/// Makes a directory that a guard removes, and does something; the names come from the process that watches.
void with_guarded(const fs::path& directory, const std::function<void()>& what)
{
    fs::create_directory(directory);
    AbortGuard const guard{directory};
    what();
}

class AbortGuards : public testing::Test {
protected:
    ~AbortGuards() override { fs::remove_all(directory); }

    fs::path const directory = fs::path{testing::TempDir()} / ("abort-guard." + std::to_string(::getpid()));
};

using AbortGuardsDeathTest = AbortGuards;

TEST_F(AbortGuardsDeathTest, clean_up_when_an_error_is_taken_for_a_value)
{
    EXPECT_EXIT(with_guarded(directory, [] { (void)nobody_expected_this().value(); }), testing::KilledBySignal(SIGABRT),
                "the fault of this test");
    EXPECT_FALSE(fs::exists(directory));
}

TEST_F(AbortGuardsDeathTest, clean_up_when_nobody_catches_an_exception)
{
    EXPECT_EXIT(with_guarded(directory, [] { std::terminate(); }), testing::KilledBySignal(SIGABRT), "");
    EXPECT_FALSE(fs::exists(directory));
}

TEST_F(AbortGuardsDeathTest, clean_up_newest_first_and_end_where_one_aborts_too)
{
    auto const two = [&] {
        AbortGuard const first{[] { std::abort(); }};
        AbortGuard const second{[&] { fs::remove_all(directory); }};
        std::abort();
    };
    fs::create_directory(directory);
    EXPECT_EXIT(two(), testing::KilledBySignal(SIGABRT), "");
    EXPECT_FALSE(fs::exists(directory));
}

TEST_F(AbortGuardsDeathTest, kill_the_children_of_the_test)
{
    auto const held_by_a_child = directory.string() + ".fifo";
    ASSERT_EQ(::mkfifo(held_by_a_child.c_str(), 0600), 0);
    auto const start_a_child = [&] {
        ::posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_addopen(&actions, 0, held_by_a_child.c_str(), O_RDWR, 0);
        char name[] = "sleep", time[] = "600";
        char* const words[] = {name, time, nullptr};
        pid_t pid = 0;
        if (::posix_spawnp(&pid, "sleep", &actions, nullptr, words, environ) == 0)
            std::abort();
    };
    EXPECT_EXIT(with_guarded(directory, start_a_child), testing::KilledBySignal(SIGABRT), "");
    EXPECT_FALSE(fs::exists(directory));
    bool is_held = true;
    for (int i = 0; i < 3000 && is_held; ++i, ::usleep(10000)) {
        int const writer = ::open(held_by_a_child.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        is_held = writer >= 0; // ENXIO: nobody reads from it any more.
        ::close(writer);
    }
    EXPECT_FALSE(is_held);
    fs::remove(held_by_a_child);
}

TEST_F(AbortGuardsDeathTest, leave_alone_what_belongs_to_the_process_that_this_one_was_forked_from)
{
    with_guarded(directory, [&] {
        EXPECT_EXIT(std::abort(), testing::KilledBySignal(SIGABRT), "");
        EXPECT_TRUE(fs::exists(directory));
    });
}

TEST_F(AbortGuardsDeathTest, do_nothing_once_they_are_gone)
{
    with_guarded(directory, [] {});
    EXPECT_EXIT(std::abort(), testing::KilledBySignal(SIGABRT), "");
    EXPECT_TRUE(fs::exists(directory));
}

} // namespace
} // namespace nova::base
