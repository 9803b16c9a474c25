#include "runtime/image_cgroups.h"

#include <gtest/gtest.h>

#include "runtime/wire_message.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::runtime {
namespace {

using namespace std::string_literals;

/// A cgroup.img as criu writes it: a set with one member, and a controller with one directory, which has a child and a property.
class CheckpointCgroups : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(sys::make_directories(place_, 0700).ok()); }
    void TearDown() override { EXPECT_TRUE(sys::remove_tree(place_).ok()); }

    base::Result<std::string> check() { return check(image()); }

    base::Result<std::string> check(const WireMessage& whole)
    {
        std::string image(12, '\0');
        for (int i = 0; i < 4; ++i)
            image[8 + i] = static_cast<char>(whole.bytes().size() >> 8 * i);
        EXPECT_TRUE(sys::write_file_atomically(place_ + "/cgroup.img", image + whole.bytes()).ok());
        return check_image_cgroups(place_);
    }

    WireMessage image() const
    {
        WireMessage set;
        set.number(1, 1).message(2, member());
        WireMessage controller;
        for (const auto& name : names)
            controller.text(1, name);
        for (const auto& path : directories)
            controller.message(2, directory(path));
        WireMessage whole;
        return whole.message(1, set).message(2, controller);
    }

    WireMessage member() const
    {
        WireMessage member;
        member.text(1, member_name).text(2, member_path);
        return prefix != 0 ? member.number(3, prefix) : member;
    }

    WireMessage directory(const std::string& path) const
    {
        WireMessage inner;
        inner.text(1, child);
        WireMessage value;
        value.text(1, property).text(2, "50");
        WireMessage directory;
        return directory.text(1, path).message(2, inner).message(3, value);
    }

    std::string refusal()
    {
        auto const checked = check();
        return checked.ok() ? "taken: " + checked.value() : checked.error().message();
    }

    std::string place_ = testing::TempDir() + "nova-image-" + sys::random_hex(8);
    std::string member_name = "pids";
    std::string member_path = "/a/web/inner";
    std::uint64_t prefix = 6;
    std::vector<std::string> names{"cpu", "pids"};
    std::vector<std::string> directories{"a/web"}; // Without its slash, as criu has it.
    std::string child = "inner";
    std::string property = "pids.max";
};

#define EXPECT_REFUSAL(what) EXPECT_NE(refusal().find(what), std::string::npos) << refusal()

TEST_F(CheckpointCgroups, lie_below_the_first_directory) { EXPECT_EQ(check().value(), "/a/web"); }

TEST_F(CheckpointCgroups, of_version_2_have_a_controller_without_a_name)
{
    names = {""};
    member_name = "";
    EXPECT_EQ(check().value(), "/a/web");
}

TEST_F(CheckpointCgroups, of_a_named_hierarchy_are_fine)
{
    names = {"name=systemd"};
    member_name = "name=systemd";
    EXPECT_EQ(check().value(), "/a/web");
}

TEST_F(CheckpointCgroups, beside_it_are_refused)
{
    member_path = "/a/webs";
    EXPECT_REFUSAL(R"(has the cgroup "/a/webs", which is not below "/a/web")");
}

TEST_F(CheckpointCgroups, that_climb_are_refused)
{
    member_path = "/a/web/../../b";
    EXPECT_REFUSAL(R"(has the cgroup "/a/web/../../b")");
    member_path = "/a/web/..";
    EXPECT_REFUSAL(R"(has the cgroup "/a/web/..")");
}

TEST_F(CheckpointCgroups, of_the_whole_host_are_refused)
{
    directories = {""};
    EXPECT_REFUSAL("has the cgroup \"/");
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
    EXPECT_REFUSAL("has a cgroup namespace at 4 bytes");
    prefix = 0;
    EXPECT_EQ(check().value(), "/a/web") << "none is fine";
}

// criu reads a text up to its first zero byte.
TEST_F(CheckpointCgroups, whose_names_end_before_their_end_are_refused)
{
    member_path = "/a/web/..\0"s;
    EXPECT_REFUSAL("has a zero byte");
    member_path = "/a/web";
    child = "..\0"s;
    EXPECT_REFUSAL("has a zero byte");
    child = "inner";
    directories = {"..\0"s};
    EXPECT_REFUSAL("has a zero byte");
}

// criu writes each property to the file of its name, as root and with the host's files in sight.
TEST_F(CheckpointCgroups, with_properties_that_are_other_files_are_refused)
{
    for (const char* const name : {"../../../../etc/passwd", "/etc/passwd", "x/y", "..", ""}) {
        property = name;
        EXPECT_NE(refusal().find("has a property named"), std::string::npos) << name << ": " << refusal();
    }
    property = "pids.max\0"s;
    EXPECT_REFUSAL("has a zero byte");
}

TEST_F(CheckpointCgroups, with_properties_of_children_that_are_other_files_are_refused)
{
    WireMessage value;
    value.text(1, "../../x").text(2, "50");
    WireMessage inner;
    inner.text(1, "inner").message(3, value);
    WireMessage top;
    top.text(1, "a/web").message(2, inner);
    WireMessage controller;
    controller.text(1, "pids").message(2, top);
    WireMessage set;
    set.number(1, 1).message(2, member());
    WireMessage whole;
    auto const checked = check(whole.message(1, set).message(2, controller));
    ASSERT_FALSE(checked.ok());
    EXPECT_NE(checked.error().message().find("has a property named \"../../x\""), std::string::npos);
}

// criu makes and mounts a directory of the controllers' names.
TEST_F(CheckpointCgroups, of_controllers_that_are_paths_are_refused)
{
    for (const char* const name : {"../x", "..", "name=..", "name=../x", ".", "a,b", "a b"}) {
        names = {name, "pids"};
        EXPECT_NE(refusal().find("has a controller named"), std::string::npos) << name << ": " << refusal();
    }
}

// criu has 128 bytes for all of them, and does not look.
TEST_F(CheckpointCgroups, of_too_many_controllers_are_refused)
{
    names = {"pids"};
    for (int i = 0; i < 20; ++i)
        names.push_back("c" + std::to_string(i));
    EXPECT_REFUSAL("has too many controllers in one hierarchy");
    names = {"pids", std::string(120, 'x')};
    EXPECT_REFUSAL("has too many controllers in one hierarchy");
}

// Our cgroup's name comes in place of a controller's directory, and of no other.
TEST_F(CheckpointCgroups, that_criu_would_not_move_are_refused)
{
    auto const good = directories;
    directories = {"a/web", "a/web"};
    EXPECT_REFUSAL("has more than one top directory of the controller \"cpu\"");
    directories = {"/a/web"};
    EXPECT_REFUSAL("has the cgroup \"//a/web\"");
    directories = good;
    member_path = "a/web";
    EXPECT_REFUSAL("has the cgroup \"a/web\"");
    member_path = "/a/web";
    member_name = "memory";
    EXPECT_REFUSAL("has a process in the controller \"memory\", of which it has no directory");
    member_name = "cpu";
    EXPECT_EQ(check().value(), "/a/web");
}

TEST_F(CheckpointCgroups, of_a_controller_that_nobody_is_in_are_refused)
{
    WireMessage controller;
    controller.text(1, "memory").message(2, directory("a/web"));
    auto const checked = check(image().message(2, controller));
    ASSERT_FALSE(checked.ok());
    EXPECT_NE(checked.error().message().find("has directories of the controller \"memory\", which no process is in"),
              std::string::npos)
        << checked.error().message();
}

TEST_F(CheckpointCgroups, beside_the_directory_of_their_own_controller_are_refused)
{
    WireMessage controller;
    controller.text(1, "memory").message(2, directory("a/web/deep"));
    WireMessage other;
    other.text(1, "memory").text(2, "/a/web/inner");
    WireMessage set;
    set.number(1, 2).message(2, other);
    auto const checked = check(image().message(1, set).message(2, controller));
    ASSERT_FALSE(checked.ok());
    EXPECT_NE(checked.error().message().find(R"(has the cgroup "/a/web/inner", which is not below "/a/web/deep")"),
              std::string::npos)
        << checked.error().message();
}

TEST_F(CheckpointCgroups, of_a_controller_that_comes_twice_are_refused)
{
    WireMessage controller;
    controller.text(1, "pids").message(2, directory("a/web"));
    auto const checked = check(image().message(2, controller));
    ASSERT_FALSE(checked.ok());
    EXPECT_NE(checked.error().message().find("has the controller \"pids\" twice"), std::string::npos)
        << checked.error().message();
}

// criu takes the last.
TEST_F(CheckpointCgroups, that_are_named_twice_are_refused)
{
    WireMessage twice = member();
    twice.text(2, "/b");
    WireMessage set;
    set.number(1, 2).message(2, twice);
    auto const checked = check(image().message(1, set));
    ASSERT_FALSE(checked.ok());
    EXPECT_NE(checked.error().message().find("names something twice"), std::string::npos) << checked.error().message();
}

// criu puts paths together in 4,096 bytes, and does not look.
TEST_F(CheckpointCgroups, with_paths_that_are_too_long_are_refused)
{
    member_path = "/a/web/" + std::string(3000, 'x');
    EXPECT_REFUSAL("has a path of a cgroup that is too long");
    member_path = "/a/web";
    child = std::string(300, 'x');
    EXPECT_REFUSAL("has a cgroup named");
    WireMessage inner;
    inner.text(1, std::string(200, 'x'));
    for (int depth = 0; depth < 20; ++depth) {
        WireMessage outer;
        inner = outer.text(1, std::string(200, 'x')).message(2, inner);
    }
    WireMessage top;
    top.text(1, "a/web").message(2, inner);
    WireMessage controller;
    controller.text(1, "cpu").text(1, "pids").message(2, top);
    WireMessage set;
    set.number(1, 1).message(2, member());
    WireMessage whole;
    auto const checked = check(whole.message(1, set).message(2, controller));
    ASSERT_FALSE(checked.ok());
    EXPECT_NE(checked.error().message().find("has a path of a cgroup that is too long"), std::string::npos)
        << checked.error().message();
}

TEST_F(CheckpointCgroups, that_are_nested_too_deeply_are_refused)
{
    WireMessage inner;
    inner.text(1, "x");
    for (int depth = 0; depth < 100; ++depth) {
        WireMessage outer;
        inner = outer.text(1, "x").message(2, inner);
    }
    WireMessage top;
    top.text(1, "a/web").message(2, inner);
    WireMessage controller;
    controller.text(1, "pids").message(2, top);
    WireMessage whole;
    auto const checked = check(whole.message(2, controller));
    ASSERT_FALSE(checked.ok());
    EXPECT_NE(checked.error().message().find("nested too deeply"), std::string::npos) << checked.error().message();
}

} // namespace
} // namespace nova::runtime
