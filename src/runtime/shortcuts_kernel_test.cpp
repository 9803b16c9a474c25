// What is left out for speed, and when it is not.
#include <sys/statvfs.h>

#include "runtime/container_fixture.h"

namespace nova::runtime {
namespace {

class ShortcutsTest : public ContainerTest {};

TEST_F(ShortcutsTest, start_and_delete_do_not_read_a_configuration_that_asks_nothing_of_them)
{
    shell("exit 0");
    ASSERT_EQ(create(), 0);
    EXPECT_FALSE(json::parse(std::ifstream{state / id / "state.json"})["needsConfig"].get<bool>());
    fs::remove(state / id / "config.json");
    EXPECT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    EXPECT_TRUE(wait_for("stopped"));
    EXPECT_EQ(nb({"delete", id}).status.as_exit_code(), 0);
    expect_nothing_left();
}

TEST_F(ShortcutsTest, start_and_delete_run_the_hooks_of_a_configuration_that_has_some)
{
    auto const hook = [&](const char* const name) {
        return json::array({{{"path", "/bin/sh"},
                             {"args", {"sh", "-c", "echo " + std::string{name} + " >> " + (directory / "hooks").string()}}}});
    };
    config["hooks"] = {{"poststart", hook("poststart")}, {"poststop", hook("poststop")}};
    ASSERT_EQ(create(), 0);
    EXPECT_TRUE(json::parse(std::ifstream{state / id / "state.json"})["needsConfig"].get<bool>());
    EXPECT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    EXPECT_TRUE(wait_for("stopped"));
    EXPECT_EQ(nb({"delete", id}).status.as_exit_code(), 0);
    EXPECT_EQ(sys::read_file((directory / "hooks").string()).value(), "poststart\npoststop\n");
}

TEST_F(ShortcutsTest, a_record_without_the_mark_has_its_configuration_read)
{
    config["hooks"]["poststop"] = {{{"path", "/bin/sh"}, {"args", {"sh", "-c", "touch " + (directory / "hook").string()}}}};
    ASSERT_EQ(create(), 0);
    auto record = json::parse(std::ifstream{state / id / "state.json"});
    record.erase("needsConfig");
    std::ofstream{state / id / "state.json"} << record.dump();
    EXPECT_EQ(nb({"delete", "--force", id}).status.as_exit_code(), 0);
    EXPECT_TRUE(fs::exists(directory / "hook"));
}

TEST_F(ShortcutsTest, groups_that_the_container_made_in_its_own_are_removed_with_it)
{
    for (auto& mount : config["mounts"])
        if (mount["type"] == "cgroup")
            mount["options"] = {"nosuid", "noexec", "nodev", "rw"};
    shell("mkdir /sys/fs/cgroup/pids/inner 2>/dev/null || mkdir /sys/fs/cgroup/inner");
    EXPECT_EQ(run().status.as_exit_code(), 0);
    expect_nothing_left();
}

TEST_F(ShortcutsTest, the_program_that_waits_for_a_container_can_not_be_written_either)
{
    auto const own = fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "apps/nb/nb";
    shell("sleep 30");
    write_config();
    sys::ChildSpec spec{.program = own.string(),
                        .argv = {"nb", "--root", state.string(), "run", "--bundle", bundle.string(), id}};
    auto child = sys::spawn(spec);
    ASSERT_TRUE(child.ok());
    ASSERT_TRUE(wait_for("running"));
    auto const process = "/proc/" + std::to_string(child.value().pid());
    struct statvfs mount {};
    ASSERT_EQ(::statvfs((process + "/exe").c_str(), &mount), 0);
    EXPECT_NE(mount.f_flag & ST_RDONLY, 0u);
    EXPECT_NE(sys::read_file(process + "/cmdline").value().find(std::string{"run\0--bundle", 12}), std::string::npos);
}

} // namespace
} // namespace nova::runtime
