#include "storage/unpack.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/abort_guard_testing.h"
#include "storage/test_archives.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::storage {
namespace {

using test::Entry;
using test::tar_of;

class Layer : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(sys::make_directories(root + "/layer").ok()); }
    void TearDown() override { std::filesystem::remove_all(root); }

    void unpack(const std::vector<Entry>& entries)
    {
        auto const tar = tar_of(entries);
        test::write_text(root + "/blob", tar);
        auto const diff_id = unpack_layer(root + "/blob", root + "/layer");
        ASSERT_TRUE(diff_id.ok()) << diff_id.error().message();
        EXPECT_EQ(diff_id.value(), Sha256::of(tar));
    }
    struct stat look(const std::string& name) const
    {
        struct stat found {};
        EXPECT_EQ(::lstat((root + "/layer/" + name).c_str(), &found), 0) << name;
        return found;
    }
    std::string xattr(const std::string& name, const char* key) const
    {
        char value[256];
        auto const size = ::lgetxattr((root + "/layer/" + name).c_str(), key, value, sizeof value);
        return size < 0 ? "(none)" : std::string{value, static_cast<std::size_t>(size)};
    }
    bool is_whiteout(const std::string& name) const
    {
        auto const found = look(name);
        return S_ISCHR(found.st_mode) && found.st_rdev == makedev(0, 0);
    }

    std::string root = testing::TempDir() + "nova-layer-" + sys::random_hex(8);
    base::AbortGuard const guard{root};
};

TEST_F(Layer, keeps_owner_mode_time_and_attributes)
{
    std::string const capability{"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20};
    unpack({{.name = "./", .type = '5', .mode = 0750, .uid = 7, .modified = 1500000000},
            {.name = "bin/", .type = '5', .mode = 01777, .uid = 1, .gid = 2, .modified = 1600000000},
            {.name = "bin/su",
             .content = "program",
             .mode = 04755,
             .uid = 1000,
             .gid = 2000,
             .pax = {{"mtime", "1650000000.25"},
                     {"SCHILY.xattr.user.note", "hello"},
                     {"SCHILY.xattr.security.capability", capability}}},
            {.name = "bin/twin", .type = '1', .link = "bin/su"},
            {.name = "bin/out", .type = '2', .link = "../../../../etc/passwd", .uid = 5},
            {.name = "pipe", .type = '6', .mode = 0620, .uid = 3}});

    EXPECT_EQ(look("").st_mode & 07777, 0750u);
    EXPECT_EQ(look("").st_uid, 7u);
    EXPECT_EQ(look("").st_mtime, 1500000000);
    EXPECT_EQ(look("bin").st_mode & 07777, 01777u);
    EXPECT_EQ(look("bin").st_mtime, 1600000000) << "also though files were made in it later";
    auto const su = look("bin/su");
    EXPECT_EQ(su.st_mode & 07777, 04755u);
    EXPECT_EQ(su.st_uid, 1000u);
    EXPECT_EQ(su.st_gid, 2000u);
    EXPECT_EQ(su.st_mtim.tv_nsec, 250000000);
    EXPECT_EQ(su.st_nlink, 2u);
    EXPECT_EQ(look("bin/twin").st_ino, su.st_ino);
    EXPECT_EQ(xattr("bin/su", "user.note"), "hello");
    EXPECT_EQ(xattr("bin/su", "security.capability"), capability);
    EXPECT_EQ(std::filesystem::read_symlink(root + "/layer/bin/out"), "../../../../etc/passwd");
    EXPECT_EQ(look("bin/out").st_uid, 5u);
    EXPECT_TRUE(S_ISFIFO(look("pipe").st_mode));
    EXPECT_EQ(look("pipe").st_mode & 07777, 0620u);
}

TEST_F(Layer, turns_whiteouts_into_those_of_overlayfs)
{
    unpack({{.name = "etc/.wh.gone"},
            {.name = "var/.wh..wh..opq"},
            {.name = ".wh..wh.plnk/1.2", .content = "of aufs"},
            {.name = ".wh.replaced"},
            {.name = "replaced", .content = "new"},
            {.name = "first", .content = "new"},
            {.name = ".wh.first"},
            {.name = ".wh.dir"},
            {.name = "dir/file", .content = "x"}});

    EXPECT_TRUE(is_whiteout("etc/gone"));
    EXPECT_EQ(xattr("var", "trusted.overlay.opaque"), "y");
    EXPECT_FALSE(sys::exists(root + "/layer/.wh..wh.plnk"));
    EXPECT_EQ(sys::read_file(root + "/layer/replaced").value(), "new");
    EXPECT_EQ(sys::read_file(root + "/layer/first").value(), "new");
    EXPECT_EQ(xattr("dir", "trusted.overlay.opaque"), "y") << "a directory that no entry of its own makes";
}

TEST_F(Layer, lets_a_directory_that_replaces_one_hide_it)
{
    unpack({{.name = ".wh.before"},
            {.name = "before/", .type = '5', .mode = 0755},
            {.name = "before/file", .content = "x"},
            {.name = "after/", .type = '5', .mode = 0755},
            {.name = ".wh.after"}});

    EXPECT_EQ(xattr("before", "trusted.overlay.opaque"), "y");
    EXPECT_EQ(xattr("after", "trusted.overlay.opaque"), "y");
    EXPECT_TRUE(sys::exists(root + "/layer/before/file"));
}

TEST_F(Layer, takes_a_directory_that_is_named_twice)
{
    unpack(
        {{.name = "d/f", .content = "x"}, {.name = "d/", .type = '5', .mode = 0711}, {.name = "./d", .type = '5', .mode = 0700}});
    EXPECT_EQ(look("d").st_mode & 07777, 0700u);
}

TEST_F(Layer, may_be_under_gzip_or_zstd_or_empty)
{
    auto const tar = tar_of({{.name = "file", .content = std::string(300000, 'x')}});
    for (const char* program : {"gzip", "zstd"}) {
        test::write_text(root + "/plain", tar);
        sys::RunSpec pack;
        pack.child.program = sys::find_program(program).value();
        pack.child.argv = {program, "-q", root + "/plain"};
        ASSERT_TRUE(sys::run_child_that_succeeds(pack).ok());
        auto const packed = root + (std::string_view{program} == "gzip" ? "/plain.gz" : "/plain.zst");
        auto const into = root + "/" + program;
        ASSERT_TRUE(sys::make_directories(into).ok());
        auto const diff_id = unpack_layer(packed, into);
        ASSERT_TRUE(diff_id.ok()) << diff_id.error().message();
        EXPECT_EQ(diff_id.value(), Sha256::of(tar));
        EXPECT_EQ(std::filesystem::file_size(into + "/file"), 300000u);
        std::filesystem::remove(root + "/plain");
    }
    test::write_text(root + "/nothing", "");
    EXPECT_EQ(unpack_layer(root + "/nothing", root + "/layer").value(), Sha256::of(""));
    test::write_text(root + "/zeros", std::string(1024, '\0'));
    EXPECT_TRUE(unpack_layer(root + "/zeros", root + "/layer").ok());
}

TEST_F(Layer, counts_what_follows_the_end_of_the_tar)
{
    auto const tar = tar_of({{.name = "file", .content = "x"}}) + std::string(100000, 'z');
    test::write_text(root + "/blob", tar);
    EXPECT_EQ(unpack_layer(root + "/blob", root + "/layer").value(), Sha256::of(tar));
}

TEST_F(Layer, may_end_right_behind_its_last_byte)
{
    // So do those of umoci insert 0.4.
    auto const tar = tar_of({{.name = "file", .content = "six by"}}).substr(0, 512 + 6);
    test::write_text(root + "/blob", tar);
    ASSERT_TRUE(unpack_layer(root + "/blob", root + "/layer").ok());
    EXPECT_EQ(sys::read_file(root + "/layer/file").value(), "six by");
    test::write_text(root + "/blob", tar.substr(0, tar.size() - 1));
    ASSERT_TRUE(sys::make_directories(root + "/second").ok());
    EXPECT_FALSE(unpack_layer(root + "/blob", root + "/second").ok());
}

} // namespace
} // namespace nova::storage
