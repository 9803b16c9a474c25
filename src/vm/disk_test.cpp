#include "vm/disk.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/abort_guard_testing.h"
#include "sys/file.h"

namespace nova::vm {
namespace {

using base::Bytes;
using base::Code;

class Disk : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(sys::make_directories(root).ok()); }
    void TearDown() override { std::filesystem::remove_all(root); }

    std::string write(const std::string& name, const std::string& content) const
    {
        EXPECT_TRUE(sys::write_file_atomically(root + "/" + name, content).ok());
        return root + "/" + name;
    }

    /// A header of ours, with one number in it changed.
    std::string qcow2_with(std::size_t offset, std::uint64_t number, std::size_t width) const
    {
        auto header = qcow2();
        for (std::size_t i = 0; i < width; ++i)
            header.at(offset + i) = static_cast<char>(number >> (8 * (width - 1 - i)));
        return write("changed.qcow2", header);
    }

    /// An innocent image: an overlay whose backing file is struck out.
    std::string qcow2() const
    {
        auto const path = root + "/innocent.qcow2";
        (void)sys::remove_file(path);
        EXPECT_TRUE(create_overlay(path, "/x.raw", {DiskFormat::raw, Bytes{1 << 20}, {}}, {}).ok());
        auto content = sys::read_file(path).value();
        content.replace(8, 12, 12, '\0');
        return content;
    }

    void expect_refused(const std::string& path, std::string_view words) const
    {
        auto const probed = probe_base_image(path);
        ASSERT_FALSE(probed.ok()) << words;
        EXPECT_EQ(probed.error().code(), Code::invalid_argument);
        EXPECT_NE(probed.error().message().find(words), std::string::npos) << probed.error().message();
    }

    std::string root = testing::TempDir() + "nova_disk." + std::to_string(::getpid());
    base::AbortGuard const guard{root};
};

TEST_F(Disk, header_tells_format_and_size)
{
    auto const image = probe_base_image(write("a.img", qcow2())).value();
    EXPECT_EQ(image.format, DiskFormat::qcow2);
    EXPECT_EQ(image.size.count, 1u << 20);
    auto const raw = probe_base_image(write("b.img", std::string(1000, 'x'))).value();
    EXPECT_EQ(raw.format, DiskFormat::raw);
    EXPECT_EQ(raw.size.count, 1024u) << "whole sectors";
}

TEST_F(Disk, that_refers_to_other_files_is_refused)
{
    auto const overlay = root + "/overlay.qcow2";
    ASSERT_TRUE(create_overlay(overlay, "/etc/shadow", {DiskFormat::raw, Bytes{1 << 20}, {}}, {}).ok());
    expect_refused(overlay, "builds on another file");
    expect_refused(qcow2_with(72, 4, 8), "keeps its data in another file");
}

TEST_F(Disk, with_a_hostile_header_is_refused)
{
    expect_refused(qcow2_with(4, 1, 4), "version 1");
    expect_refused(qcow2_with(20, 63, 4), "cluster size");
    expect_refused(qcow2_with(24, ~0ull, 8), "impossible size");
    expect_refused(qcow2_with(32, 2, 4), "encrypted");
    expect_refused(qcow2_with(72, 2, 8), "corrupt");
    expect_refused(qcow2_with(72, 1ull << 40, 8), "not known");
    expect_refused(qcow2_with(8, ~0ull, 8), "backing file name");
    expect_refused(write("short.qcow2", qcow2().substr(0, 80)), "cut off");
    expect_refused(write("shorter.qcow2", qcow2().substr(0, 5)), "cut off");
}

TEST_F(Disk, is_raw_only_by_its_name)
{
    expect_refused(write("disk.vmdk", "KDMV" + std::string(1000, '\0')), "no qcow2");
    expect_refused(write("disk", std::string(1000, '\0')), "must be named");
    expect_refused(write("disk.raw", qcow2()), "begins like a qcow2");
    expect_refused(write("empty.img", ""), "empty");
}

TEST_F(Disk, must_be_a_file)
{
    expect_refused(root, "no regular file");
    ASSERT_EQ(::mkfifo((root + "/fifo.img").c_str(), 0600), 0);
    expect_refused(root + "/fifo.img", "no regular file");
    EXPECT_EQ(probe_base_image(root + "/gone.img").error().code(), Code::not_found);
}

TEST_F(Disk, overlay_names_its_base_and_has_the_size_asked_for)
{
    auto const path = root + "/hd0.qcow2";
    ASSERT_TRUE(create_overlay(path, "/images/base.img", {DiskFormat::raw, Bytes{1 << 20}, {}}, Bytes{5'000'000'001}).ok());
    auto const image = probe_overlay(path).value();
    EXPECT_EQ(image.backing, "/images/base.img");
    EXPECT_EQ(image.size.count, 5'000'000'512u) << "rounded up to whole sectors";
    EXPECT_EQ(sys::list_directory(root).value(), std::vector<std::string>{"hd0.qcow2"}) << "no temporary file is left";
}

TEST_F(Disk, overlay_never_replaces_one_that_is_there)
{
    auto const path = write("hd0.qcow2", "precious");
    EXPECT_EQ(create_overlay(path, "/b.img", {DiskFormat::raw, Bytes{512}, {}}, {}).error().code(), Code::already_exists);
    EXPECT_EQ(sys::read_file(path).value(), "precious");
}

TEST_F(Disk, overlay_of_an_impossible_size_is_refused)
{
    DiskImage const base_image{DiskFormat::raw, Bytes{1 << 20}, {}};
    EXPECT_EQ(create_overlay(root + "/o", "/b.img", base_image, Bytes{1000}).error().code(), Code::invalid_argument);
    EXPECT_EQ(create_overlay(root + "/o", "/b.img", base_image, Bytes{1ull << 62}).error().code(), Code::invalid_argument);
    EXPECT_EQ(create_overlay(root + "/o", std::string(2000, 'p'), base_image, {}).error().code(), Code::invalid_argument);
    EXPECT_TRUE(sys::list_directory(root).value().empty());
}

} // namespace
} // namespace nova::vm
