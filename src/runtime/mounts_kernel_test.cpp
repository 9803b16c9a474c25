// Options of mounts, looked at from inside.
#include <sys/mount.h>
#include <sys/stat.h>

#include "runtime/container_fixture.h"
#include "sys/cgroup.h"
#include "sys/mount.h"

namespace nova::runtime {
namespace {

class MountsOf : public ContainerTest {
protected:
    void SetUp() override
    {
        ContainerTest::SetUp();
        if (IsSkipped())
            return;
        fs::create_directories(source / "below");
        config["root"]["readonly"] = false;
    }

    json& add(std::vector<std::string> options, const char* type = "bind")
    {
        config["mounts"].push_back(
            {{"destination", "/data"}, {"source", source.string()}, {"type", type}, {"options", std::move(options)}});
        return config["mounts"].back();
    }

    /// The options of each mount at or below /data, as the kernel tells them inside.
    std::string options_inside(const std::vector<std::string>& options)
    {
        auto const before = config["mounts"];
        add(options);
        shell("busybox awk '$5 ~ \"^/data\" {print $5, $6}' /proc/self/mountinfo");
        auto const finished = run();
        EXPECT_EQ(finished.status.as_exit_code(), 0) << finished.err;
        config["mounts"] = before;
        return finished.out;
    }

    fs::path source = directory / "source";
};

TEST_F(MountsOf, apply_recursive_options_to_what_is_mounted_below)
{
    auto const below = sys::Mount::tmpfs((source / "below").string(), 1 << 20).value(); // Goes with the test.
    auto const plain = options_inside({"rbind", "ro", "nodev"});
    EXPECT_NE(plain.find("/data ro,nodev"), std::string::npos) << plain;
    EXPECT_NE(plain.find("/data/below rw"), std::string::npos) << plain;
    auto const all = options_inside({"rbind", "rro", "rnosuid", "rnodev", "rnoexec", "rnoatime", "rnodiratime", "rnosymfollow"});
    for (const char* const place : {"/data ro,", "/data/below ro,"})
        EXPECT_NE(all.find(place), std::string::npos) << all;
    for (const char* const option : {"nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"}) {
        auto const first = all.find(option);
        EXPECT_NE(all.find(option, first + 1), std::string::npos) << option << " on both: " << all;
    }
    auto const back = options_inside({"rbind", "rro", "rrw", "rnosuid", "rsuid"});
    EXPECT_NE(back.find("/data rw"), std::string::npos) << "the last one holds: " << back;
    EXPECT_EQ(back.find("nosuid,"), back.rfind("nosuid,")) << "the tmpfs below has its own: " << back;
}

TEST_F(MountsOf, forbid_what_their_options_forbid)
{
    fs::copy_file("/bin/busybox", source / "program");
    fs::create_symlink("program", source / "link");
    std::ofstream{source / "file"} << "text\n";
    add({"bind", "ro", "noexec", "nosymfollow"});
    shell("/data/program true; cat /data/link; echo x > /data/file; cat /data/file");
    auto const finished = run();
    EXPECT_EQ(finished.out, "text\n");
    EXPECT_NE(finished.err.find("/data/program: Permission denied"), std::string::npos) << finished.err;
    EXPECT_NE(finished.err.find("'/data/link': Too many levels of symbolic links"), std::string::npos) << finished.err;
    EXPECT_NE(finished.err.find("/data/file: Read-only file system"), std::string::npos) << finished.err;
}

TEST_F(MountsOf, follow_the_kernel_s_usual_times_of_access_where_no_other_are_asked_for)
{
    for (const char* const option : {"rnorelatime", "rnostrictatime", "ratime", "rrelatime"})
        EXPECT_NE(options_inside({"rbind", "rnoatime", option}).find("relatime"), std::string::npos) << option;
    EXPECT_EQ(options_inside({"rbind", "rstrictatime"}).find("atime"), std::string::npos);
}

TEST_F(MountsOf, cover_no_directory_with_a_file)
{
    sys::replace_file((directory / "file").string(), "text", 0644).value();
    config["mounts"].push_back({{"destination", "/etc"}, {"source", (directory / "file").string()}, {"options", {"bind"}}});
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("mount /etc from " + (directory / "file").string() +
                                ": the source is a file, and there is a directory"),
              std::string::npos)
        << finished.err;
}

TEST_F(MountsOf, fill_a_tmpfs_with_what_lies_below_it)
{
    fs::create_directories(rootfs / "data/deep");
    std::ofstream{rootfs / "data/deep/file"} << "copied\n";
    fs::permissions(rootfs / "data/deep/file", fs::perms{0640});
    EXPECT_EQ(::lchown((rootfs / "data/deep/file").c_str(), 12, 34), 0);
    fs::create_symlink("deep/file", rootfs / "data/link");
    add({"tmpcopyup", "mode=755"}, "tmpfs");
    shell("cat /data/link; stat -c '%a %u %g' /data/deep/file; readlink /data/link; echo new > /data/deep/file; "
          "grep ' /data ' /proc/self/mounts");
    auto const finished = run();
    EXPECT_TRUE(finished.out.starts_with("copied\n640 12 34\ndeep/file\n")) << finished.out << finished.err;
    EXPECT_NE(finished.out.find(" /data tmpfs "), std::string::npos) << finished.out;
    EXPECT_EQ(sys::read_file(rootfs / "data/deep/file").value(), "copied\n") << "the root keeps its own";
}

TEST_F(MountsOf, map_ids)
{
    std::ofstream{source / "file"} << "x";
    EXPECT_EQ(::lchown((source / "file").c_str(), 1000, 1001), 0);
    auto& mount = add({"bind", "idmap"});
    mount["uidMappings"] = json::array({{{"containerID", 1000}, {"hostID", 7000}, {"size", 1}}});
    mount["gidMappings"] = json::array({{{"containerID", 1001}, {"hostID", 7001}, {"size", 1}}});
    shell("stat -c '%u %g' /data/file");
    auto const finished = run();
    EXPECT_EQ(finished.out, "7000 7001\n") << finished.err;
}

TEST_F(MountsOf, map_ids_of_mounts_below_where_asked)
{
    auto const below = sys::Mount::tmpfs((source / "below").string(), 1 << 20).value();
    std::ofstream{source / "below/file"} << "x";
    auto const plain = config["mounts"];
    for (bool const recursive : {false, true}) {
        config["mounts"] = plain;
        auto& mount = add({"rbind", recursive ? "ridmap" : "idmap"});
        mount["uidMappings"] = json::array({{{"containerID", 0}, {"hostID", 7000}, {"size", 100}}});
        mount["gidMappings"] = mount["uidMappings"];
        shell("stat -c '%u' /data/below/file");
        auto const finished = run();
        EXPECT_EQ(finished.out, recursive ? "7000\n" : "0\n") << finished.err;
    }
}

TEST_F(MountsOf, map_ids_for_a_container_with_a_user_namespace)
{
    for (const char* const name : {"proc", "dev", "sys", "data"})
        fs::create_directories(rootfs / name);
    config["linux"]["namespaces"].push_back({{"type", "user"}});
    config["linux"]["uidMappings"] = json::array({{{"containerID", 0}, {"hostID", 100000}, {"size", 65536}}});
    config["linux"]["gidMappings"] = config["linux"]["uidMappings"];
    std::ofstream{source / "file"} << "x";
    fs::permissions(source / "file", fs::perms{0600});
    auto& mount = add({"bind", "idmap"});
    shell("stat -c '%u %g' /data/file; cat /data/file && echo y > /data/new && stat -c %u /data/new");
    for (bool const own : {false, true}) { // By the namespace's own mapping, or by one that is given.
        if (own)
            mount["uidMappings"] = mount["gidMappings"] = config["linux"]["uidMappings"];
        fs::remove(source / "new");
        auto const finished = run();
        EXPECT_EQ(finished.out, "0 0\nx0\n") << finished.err;
        struct stat status {};
        ASSERT_EQ(::stat((source / "new").c_str(), &status), 0);
        EXPECT_EQ(status.st_uid, 0u) << "on the host it is root's, as the file beside it";
    }
}

TEST_F(MountsOf, that_map_ids_need_to_be_told_how)
{
    add({"bind", "idmap"});
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("mounts[7]: mount /data from"), std::string::npos) << finished.err;
    EXPECT_NE(finished.err.find("needs uidMappings and gidMappings"), std::string::npos) << finished.err;
    expect_nothing_left();
}

TEST_F(MountsOf, have_the_propagation_that_they_ask_for)
{
    auto const propagation = [&](std::vector<std::string> options) {
        auto const before = config["mounts"];
        add(std::move(options));
        shell("busybox awk '$5 == \"/data\" {print $7}' /proc/self/mountinfo");
        auto const out = run().out;
        config["mounts"] = before;
        return out;
    };
    EXPECT_EQ(propagation({"bind"}), "-\n");
    EXPECT_TRUE(propagation({"bind", "shared"}).starts_with("shared:"));
    EXPECT_EQ(propagation({"bind", "runbindable"}), "unbindable\n");
}

TEST_F(MountsOf, are_changed_where_they_say_remount)
{
    add({"bind"});
    config["mounts"].push_back(
        {{"destination", "/data"}, {"type", "none"}, {"source", "none"}, {"options", {"remount", "ro", "nodev"}}});
    shell("busybox awk '$5 == \"/data\" {print $6}' /proc/self/mountinfo");
    auto const finished = run();
    EXPECT_EQ(std::count(finished.out.begin(), finished.out.end(), '\n'), 1) << "one mount: " << finished.out << finished.err;
    EXPECT_TRUE(finished.out.starts_with("ro,nodev")) << finished.out;
}

TEST_F(MountsOf, take_the_names_of_options_that_the_kernel_forgot)
{
    add({"silent", "loud", "iversion", "noiversion", "async", "nostrictatime", "acl", "nomand"}, "tmpfs");
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 0) << finished.err;
}

TEST_F(MountsOf, cgroups_have_the_access_times_that_are_asked_for)
{
    if (sys::cgroup_layout() != sys::CgroupLayout::legacy)
        GTEST_SKIP() << "another way";
    for (auto& mount : config["mounts"])
        if (mount["destination"] == "/sys/fs/cgroup")
            mount["options"] = {"nosuid", "noexec", "nodev", "noatime", "ro"};
    shell("grep ' /sys/fs/cgroup/memory ' /proc/self/mountinfo");
    auto const finished = run();
    EXPECT_NE(finished.out.find(" ro,nosuid,nodev,noexec,noatime"), std::string::npos) << finished.out << finished.err;
}

TEST_F(MountsOf, cgroups_show_the_container_its_own_alone)
{
    if (sys::cgroup_layout() != sys::CgroupLayout::legacy)
        GTEST_SKIP() << "version 2 has one hierarchy, which the namespace cuts";
    shell("cd /sys/fs/cgroup; ls -d memory/cgroup.procs */" + id +
          " 2>/dev/null; cat memory/cgroup.procs; grep ' /sys/fs/cgroup/memory ' /proc/self/mountinfo; echo x > "
          "memory/cgroup.procs");
    auto const finished = run();
    EXPECT_TRUE(finished.out.starts_with("memory/cgroup.procs\n1\n")) << finished.out << finished.err;
    EXPECT_NE(finished.out.find(" / /sys/fs/cgroup/memory ro,nosuid,nodev,noexec"), std::string::npos) << finished.out;
    EXPECT_EQ(finished.out.find("master:"), std::string::npos) << "follows the host's: " << finished.out;
    EXPECT_NE(finished.err.find("Read-only file system"), std::string::npos) << finished.err;
}

TEST_F(MountsOf, enter_the_root_without_pivot_root_too)
{
    shell("ls -d /proc/1/root/bin; ls /; busybox awk '$5 == \"/\"' /proc/self/mountinfo");
    auto const finished = run({"--no-pivot"});
    EXPECT_EQ(finished.status.as_exit_code(), 0) << finished.err;
    EXPECT_TRUE(finished.out.starts_with("/proc/1/root/bin\nbin\n")) << finished.out;
}

} // namespace
} // namespace nova::runtime
