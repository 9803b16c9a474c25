// Containers with a user namespace: what only the caller may reach or make.
#include <sys/mount.h>
#include <sys/stat.h>

#include "runtime/container_fixture.h"
#include "sys/mount.h"

namespace nova::runtime {
namespace {

class UserNamespace : public ContainerTest {
protected:
    void SetUp() override
    {
        ContainerTest::SetUp();
        if (IsSkipped())
            return;
        config["linux"]["namespaces"].push_back({{"type", "user"}});
        config["linux"]["uidMappings"] = json::array({{{"containerID", 0}, {"hostID", 100000}, {"size", 65536}}});
        config["linux"]["gidMappings"] = config["linux"]["uidMappings"];
        for (const char* const name : {"proc", "dev", "sys", "data"})
            fs::create_directories(rootfs / name);
        fs::create_directories(secret / "shared/below");
        std::ofstream{secret / "shared/file"} << "shared\n";
        std::ofstream{secret / "untold"} << "untold\n";
        fs::permissions(secret, fs::perms::owner_all);
    }

    json& add(const fs::path& source, const std::string& destination, std::vector<std::string> options)
    {
        config["mounts"].push_back(
            {{"destination", destination}, {"source", source.string()}, {"type", "bind"}, {"options", std::move(options)}});
        return config["mounts"].back();
    }

    fs::path secret = directory / "secret"; ///< Only root may enter it.
};

TEST_F(UserNamespace, is_given_sources_below_directories_that_only_root_may_enter)
{
    add(secret / "shared", "/data", {"bind", "ro"});
    add(secret / "shared/file", "/tmp/file", {"bind"});
    std::ofstream{rootfs / "tmp/file"}.flush(); // Its root can't make anything in a rootfs of the host's root.
    shell("cat /data/file /tmp/file; echo x > /data/file || echo kept");
    auto const finished = run();
    EXPECT_EQ(finished.out, "shared\nshared\nkept\n") << finished.err;
}

TEST_F(UserNamespace, that_is_joined_maps_the_ids_of_a_mount)
{
    auto const first = config;
    config["linux"]["cgroupsPath"] = "/" + id + "-holder";
    config["process"]["args"] = {"sleep", "100"};
    write_config();
    ASSERT_EQ(nb({"run", "--detach", "--bundle", bundle.string(), "holder"}).status.as_exit_code(), 0);
    auto const pid = json::parse(nb({"state", "holder"}).out)["pid"].get<int>();

    config = first;
    config["linux"]["namespaces"].back()["path"] = "/proc/" + std::to_string(pid) + "/ns/user";
    config["linux"].erase("uidMappings");
    config["linux"].erase("gidMappings");
    add(secret / "shared", "/data", {"bind", "idmap"});
    shell("stat -c %u:%g /data/file");
    auto const finished = run();
    EXPECT_EQ(finished.out, "0:0\n") << finished.err;
    EXPECT_EQ(nb({"delete", "--force", "holder"}).status.as_exit_code(), 0);
}

TEST_F(UserNamespace, follows_a_link_to_such_a_source)
{
    fs::create_symlink(secret / "shared", secret / "link");
    add(secret / "link", "/data", {"bind"});
    shell("cat /data/file");
    EXPECT_EQ(run().out, "shared\n");
}

/// What lies in the rootfs is a stranger's, who could lead us with a link to what only root may read.
TEST_F(UserNamespace, looks_up_sources_in_the_rootfs_with_the_container_s_own_rights)
{
    fs::create_symlink(secret, rootfs / "link");
    std::ofstream{rootfs / "tmp/file"}.flush();
    add(rootfs / "link/untold", "/tmp/file", {"bind"});
    shell("cat /tmp/file");
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("Permission denied"), std::string::npos) << finished.err;
    expect_nothing_left();
}

TEST_F(UserNamespace, shows_nothing_of_what_it_mounts_in_a_shared_source_to_the_host)
{
    auto const shared = sys::Mount::tmpfs((secret / "shared").string(), 1 << 20).value(); // Goes with the test.
    ASSERT_EQ(::mount(nullptr, (secret / "shared").c_str(), nullptr, MS_SHARED, nullptr), 0);
    fs::create_directories(secret / "shared/below");
    add(secret / "shared", "/data", {"rbind", "rshared"});
    auto& capabilities = config["process"]["capabilities"];
    for (const char* const set : {"bounding", "effective", "permitted"})
        capabilities[set].push_back("CAP_SYS_ADMIN");
    config["linux"].erase("seccomp"); // It forbids mounts.
    shell("mount -t tmpfs none /data/below && touch /data/below/inside && grep -c ' /data/below tmpfs ' /proc/self/mounts");
    auto const finished = run();
    EXPECT_EQ(finished.out, "1\n") << finished.err;
    EXPECT_FALSE(fs::exists(secret / "shared/below/inside"));
    EXPECT_EQ(sys::read_file("/proc/self/mountinfo").value().find("shared/below"), std::string::npos);
}

TEST_F(UserNamespace, has_the_devices_of_its_configuration_with_their_owner_and_mode)
{
    config["linux"]["devices"] =
        json::array({{{"path", "/dev/foo"}, {"type", "c"}, {"major", 1}, {"minor", 5}, {"uid", 10}, {"gid", 11}},
                     {{"path", "/dev/deep/bar"}, {"type", "b"}, {"major", 7}, {"minor", 3}, {"fileMode", 0640}},
                     {{"path", "/dev/pipe"}, {"type", "p"}, {"fileMode", 0600}}});
    config["linux"]["resources"]["devices"].push_back(
        {{"allow", true}, {"type", "c"}, {"major", 1}, {"minor", 5}, {"access", "rwm"}});
    shell("stat -c '%F %t:%T %u:%g %a' /dev/foo /dev/deep/bar /dev/pipe; head -c 4 /dev/foo | busybox od -An -tx1");
    auto const finished = run();
    EXPECT_EQ(finished.out,
              "character special file 1:5 10:11 666\nblock special file 7:3 0:0 640\nfifo 0:0 0:0 600\n 00 00 00 00\n")
        << finished.err;
}

TEST_F(UserNamespace, says_which_owner_of_a_device_it_does_not_know)
{
    config["linux"]["devices"] = json::array({{{"path", "/dev/foo"}, {"type", "c"}, {"major", 1}, {"minor", 5}, {"uid", 70000}}});
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("linux.devices: /dev/foo: uid: 70000 is no id of the container's user namespace"),
              std::string::npos)
        << finished.err;
    expect_nothing_left();
}

class WithoutPivot : public ContainerTest {};

TEST_F(WithoutPivot, lets_nobody_inside_mount_a_proc_without_the_masks)
{
    config["process"]["capabilities"]["bounding"].push_back("CAP_SETFCAP");
    config["linux"].erase("seccomp"); // It forbids namespaces and mounts.
    config["process"]["args"] = {
        "busybox", "unshare", "-m", "-r", "-p", "-f", "sh", "-c", "mount -t proc none /proc && echo bare"};
    auto const finished = run({"--no-pivot"});
    EXPECT_EQ(finished.out, "");
    EXPECT_NE(finished.err.find("ermission denied"), std::string::npos) << finished.err;
    shell("cat /proc/self/comm; ls /sys/class/net; ls / | grep -c proc");
    auto const plain = run({"--no-pivot"});
    EXPECT_EQ(plain.out, "cat\nlo\n1\n") << plain.err;
}

class MountOrder : public ContainerTest {};

TEST_F(MountOrder, lets_a_bind_mount_show_what_was_mounted_before_it)
{
    config["root"]["readonly"] = false;
    fs::create_directories(directory / "first/below");
    fs::create_directories(directory / "second");
    std::ofstream{directory / "second/file"} << "second\n";
    auto const add = [&](const fs::path& source, const fs::path& destination, std::vector<std::string> options) -> json& {
        config["mounts"].push_back({{"destination", destination.string()},
                                    {"source", source.string()},
                                    {"type", "bind"},
                                    {"options", std::move(options)}});
        return config["mounts"].back();
    };
    add(directory / "first", "/mnt", {"bind"});
    add(directory / "second", rootfs / "mnt/below", {"bind"}); // As runc's callers name a place in the container, too.
    add(rootfs / "mnt", "/final", {"rbind"});
    auto& mapped = add(rootfs / "mnt/below", "/mapped", {"bind", "idmap"});
    mapped["uidMappings"] = json::array({{{"containerID", 0}, {"hostID", 4000}, {"size", 1}}});
    mapped["gidMappings"] = mapped["uidMappings"];
    shell("cat /final/below/file; stat -c %u /mapped/file; ls /mnt");
    auto const finished = run();
    EXPECT_EQ(finished.out, "second\n4000\nbelow\n") << finished.err;
}

TEST_F(MountOrder, covers_a_link_where_it_is_not_to_be_followed)
{
    config["root"]["readonly"] = false;
    std::ofstream{directory / "file"} << "text\n";
    fs::create_symlink("nowhere", rootfs / "target");
    fs::create_symlink("elsewhere", directory / "link");
    config["mounts"].push_back(
        {{"destination", "/target"}, {"source", (directory / "file").string()}, {"options", {"bind", "dest-nofollow"}}});
    shell("cat /target; [ -e /nowhere ] || echo nowhere");
    EXPECT_EQ(run().out, "text\nnowhere\n");
    config["mounts"].back() = {{"destination", "/target"},
                               {"source", (directory / "link").string()},
                               {"options", {"bind", "dest-nofollow", "src-nofollow"}}};
    shell("readlink /target");
    auto const finished = run();
    EXPECT_EQ(finished.out, "elsewhere\n") << finished.err;
}

TEST_F(MountOrder, covers_no_link_of_the_kernel_s)
{
    fs::create_symlink("nowhere", directory / "link");
    config["mounts"].push_back({{"destination", "/proc/self"},
                                {"source", (directory / "link").string()},
                                {"options", {"bind", "dest-nofollow", "src-nofollow"}}});
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("must not cover a link of the kernel's"), std::string::npos) << finished.err;
}

TEST_F(MountOrder, wants_a_dev_that_is_no_link)
{
    std::erase_if(config["mounts"].get_ref<json::array_t&>(),
                  [](const auto& mount) { return mount["destination"].template get<std::string>().starts_with("/dev"); });
    fs::create_symlink("tmp", rootfs / "dev");
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 1);
    EXPECT_NE(finished.err.find("/dev is a symbolic link in the rootfs"), std::string::npos) << finished.err;
    EXPECT_TRUE(fs::is_empty(rootfs / "tmp"));
}

TEST_F(MountOrder, leaves_line_ends_alone_on_a_terminal_that_is_passed_on)
{
    config["process"]["terminal"] = true;
    shell("echo one; echo two");
    EXPECT_EQ(run().out, "one\ntwo\n");
    config["process"]["terminal"] = false;
    config["process"]["args"] = {"sleep", "100"};
    ASSERT_EQ(create(), 0);
    ASSERT_EQ(nb({"start", id}).status.as_exit_code(), 0);
    auto const executed = nb({"exec", "--tty", id, "sh", "-c", "echo three"});
    EXPECT_EQ(executed.out, "three\n") << executed.err;
}

} // namespace
} // namespace nova::runtime
