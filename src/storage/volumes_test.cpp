#include "storage/volumes.h"

#include <gtest/gtest.h>

#include "base/abort_guard_testing.h"
#include "storage/test_archives.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::storage {
namespace {

class VolumesTest : public testing::Test {
protected:
    void TearDown() override { std::filesystem::remove_all(root); }
    std::string root = testing::TempDir() + "nova-volumes-" + sys::random_hex(8);
    base::AbortGuard const guard{root};
};

TEST_F(VolumesTest, keep_what_is_written_until_they_are_removed)
{
    auto volumes = Volumes::open(root).value();
    auto const data = volumes.ensure("default", "pages").value();
    test::write_text(data + "/page", "hello");

    EXPECT_EQ(Volumes::open(root).value().ensure("default", "pages").value(), data);
    EXPECT_EQ(sys::read_file(data + "/page").value(), "hello");
    EXPECT_EQ(volumes.list("default").value(), std::vector<std::string>{"pages"});
    EXPECT_TRUE(volumes.list("other").value().empty());
    ASSERT_TRUE(volumes.remove("default", "pages").ok());
    EXPECT_TRUE(volumes.list("default").value().empty());
    EXPECT_TRUE(volumes.remove("default", "pages").ok()) << "accepts absence";
}

TEST_F(VolumesTest, have_names_that_stay_inside)
{
    auto volumes = Volumes::open(root).value();
    for (const char* bad : {"..", ".", "", "a/b", "../x", "A", ".removed"}) {
        EXPECT_EQ(volumes.ensure("default", bad).error().code(), base::Code::invalid_argument) << bad;
        EXPECT_EQ(volumes.ensure(bad, "pages").error().code(), base::Code::invalid_argument) << bad;
        EXPECT_EQ(volumes.remove(bad, "pages").error().code(), base::Code::invalid_argument) << bad;
    }
}

TEST_F(VolumesTest, finish_a_removal_that_was_interrupted)
{
    test::write_text(root + "/.removed/0123/data/page", "half");
    ASSERT_TRUE(Volumes::open(root).ok());
    EXPECT_FALSE(sys::exists(root + "/.removed"));
}

} // namespace
} // namespace nova::storage
