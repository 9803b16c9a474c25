#include "runtime/checkpoint_image.h"

#include <gtest/gtest.h>

#include "runtime/wire_message.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::runtime {
namespace {

/// A cgroup.img as criu writes it: a set with one member, and a controller with one directory.
class CheckpointCgroups : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(sys::make_directories(place_, 0700).ok()); }
    void TearDown() override { EXPECT_TRUE(sys::remove_tree(place_).ok()); }

    base::Result<std::string> check()
    {
        WireMessage member;
        member.text(1, "").text(2, member_path);
        if (prefix != 0)
            member.number(3, prefix);
        WireMessage set;
        set.number(1, 1).message(2, member);
        WireMessage inner;
        inner.text(1, child);
        WireMessage directory;
        directory.text(1, directory_path).message(2, inner);
        WireMessage controller;
        controller.text(1, "").message(2, directory);
        WireMessage whole;
        whole.message(1, set).message(2, controller);
        std::string image(12, '\0');
        image[8] = static_cast<char>(whole.bytes().size());
        EXPECT_TRUE(sys::write_file_atomically(place_ + "/cgroup.img", image + whole.bytes()).ok());
        return check_image_cgroups(place_);
    }

    std::string refusal()
    {
        auto const checked = check();
        return checked.ok() ? "taken: " + checked.value() : checked.error().message();
    }

    std::string place_ = testing::TempDir() + "nova-image-" + sys::random_hex(8);
    std::string member_path = "/a/web/inner";
    std::uint64_t prefix = 6;
    std::string directory_path = "a/web"; // Without its slash, as criu has it.
    std::string child = "inner";
};

TEST_F(CheckpointCgroups, lie_below_the_first_directory) { EXPECT_EQ(check().value(), "/a/web"); }

TEST_F(CheckpointCgroups, beside_it_are_refused)
{
    member_path = "/a/webs";
    EXPECT_NE(refusal().find(R"(has the cgroup "/a/webs", which is not below "/a/web")"), std::string::npos) << refusal();
}

TEST_F(CheckpointCgroups, that_climb_are_refused)
{
    member_path = "/a/web/../../b";
    EXPECT_NE(refusal().find(R"(has the cgroup "/a/web/../../b")"), std::string::npos) << refusal();
    member_path = "/a/web/..";
    EXPECT_NE(refusal().find(R"(has the cgroup "/a/web/..")"), std::string::npos) << refusal();
}

TEST_F(CheckpointCgroups, of_the_whole_host_are_refused)
{
    directory_path = "";
    EXPECT_NE(refusal().find(R"(has the cgroup "/")"), std::string::npos) << refusal();
}

TEST_F(CheckpointCgroups, whose_names_are_paths_are_refused)
{
    for (const char* const name : {"x/y", "..", ""}) {
        child = name;
        EXPECT_NE(refusal().find("has a cgroup named"), std::string::npos) << name;
    }
}

TEST_F(CheckpointCgroups, with_a_namespace_elsewhere_are_refused)
{
    prefix = 4; // "/a/w" would be replaced, and "eb" come behind the new cgroup's name.
    EXPECT_NE(refusal().find("has a cgroup namespace at 4 bytes"), std::string::npos) << refusal();
    prefix = 0;
    EXPECT_EQ(check().value(), "/a/web") << "none is fine";
}

} // namespace
} // namespace nova::runtime
