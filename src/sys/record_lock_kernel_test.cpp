#include "sys/record_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/abort_guard_testing.h"
#include "sys/file.h"

namespace nova::sys {
namespace {

TEST(RecordLock, is_seen_while_its_holder_lives)
{
    auto const path = testing::TempDir() + "record_lock." + std::to_string(::getpid());
    base::AbortGuard const guard{path};
    EXPECT_FALSE(is_locked_by_another(path).value()) << "there is no file";
    ASSERT_TRUE(write_file_atomically(path, "1\n").ok());
    EXPECT_FALSE(is_locked_by_another(path).value());

    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    auto const holder = ::fork();
    if (holder == 0) {
        auto const fd = ::open(path.c_str(), O_RDWR);
        struct flock lock {};
        lock.l_type = F_WRLCK;
        char const said = ::fcntl(fd, F_SETLK, &lock) == 0 ? 'y' : 'n';
        (void)!::write(ready[1], &said, 1);
        for (;;)
            ::pause();
    }
    char said = 0;
    ASSERT_EQ(::read(ready[0], &said, 1), 1);
    EXPECT_EQ(said, 'y');
    EXPECT_TRUE(is_locked_by_another(path).value());
    ::kill(holder, SIGKILL);
    ::waitpid(holder, nullptr, 0);
    EXPECT_FALSE(is_locked_by_another(path).value());
    EXPECT_TRUE(remove_file(path).ok());
}

} // namespace
} // namespace nova::sys
