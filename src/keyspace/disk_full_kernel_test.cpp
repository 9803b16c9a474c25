#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "base/abort_guard_testing.h"
#include "keyspace/store_fixture.h"
#include "sys/file.h"

namespace nova::keyspace {
namespace {

using base::Code;

/// A store on a file system of 12 MiB that nobody else sees.
class DiskFull : public StoreFixture {
protected:
    void SetUp() override
    {
        if (::unshare(CLONE_NEWNS) != 0)
            GTEST_SKIP() << "needs root for a mount namespace of its own";
        ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        ASSERT_EQ(::mount("tmpfs", directory_.c_str(), "tmpfs", 0, "size=12m"), 0);
    }
    void TearDown() override
    {
        close();
        ::umount2(directory_.c_str(), MNT_DETACH);
    }
    void fill_disk()
    {
        auto const fd = sys::open_file(path("filler"), O_WRONLY | O_CREAT, 0600).value();
        std::string const block(4096, 'x');
        while (sys::write_all(fd.get(), block).ok())
            ;
    }

    base::AbortGuard const disk_guard_{[this] { ::umount2(directory_.c_str(), MNT_DETACH); }};
};

TEST_F(DiskFull, is_answered_and_the_store_goes_on_once_there_is_room)
{
    ASSERT_TRUE(store().put("/before", "1").ok());
    fill_disk();
    std::string const big(100 * 1024, 'x');
    Revision acknowledged = store().revision();
    std::optional<base::Error> full;
    while (!full) { // The log has its size from the start, so some still fit.
        auto put = store().put("/big", big);
        if (put.ok())
            acknowledged = put.value().modified;
        else
            full = put.error();
    }
    EXPECT_EQ(full->code(), Code::resource_exhausted) << full->message();
    EXPECT_EQ(store().revision(), acknowledged);
    EXPECT_EQ(store().get("/before").value().value, "1"); // Reading goes on.

    std::filesystem::remove(path("filler"));
    EXPECT_EQ(store().put("/after", "2").value().modified, acknowledged + 1);
    reopen();
    EXPECT_EQ(store().get("/after").value().value, "2");
    EXPECT_EQ(store().revision(), acknowledged + 1);
}

TEST_F(DiskFull, fails_the_making_of_a_store_and_leaves_none)
{
    fill_disk();
    auto const opened = open_keyspace(directory_);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code(), Code::resource_exhausted) << opened.error().message();
    std::filesystem::remove(path("filler"));
    EXPECT_TRUE(store().put("/a", "1").ok());
}

} // namespace
} // namespace nova::keyspace
