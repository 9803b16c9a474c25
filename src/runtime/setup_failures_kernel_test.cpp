// Each step of a container's set-up fails in turn, in the order of launch.cpp and init.cpp, and nothing is left of it.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "base/strings.h"
#include "runtime/container_fixture.h"
#include "sys/cgroup.h"

namespace nova::runtime {
namespace {

/// What is wrong, which step says so, and with which options of `run`.
struct Failure {
    std::string said;
    std::function<void(json&)> damage;
    std::vector<std::string> options{};
};

class SetUpOf : public ContainerTest {
protected:
    /// Programs of ours and of the container have its id among their words, or in their environment.
    std::string process_left() const
    {
        for (const auto& name : sys::list_directory("/proc").value())
            for (const char* const file : {"cmdline", "environ"})
                if (auto const text = sys::read_file("/proc/" + name + "/" + file);
                    text.ok() && name != std::to_string(::getpid()))
                    if (text.value().find(id) != std::string::npos)
                        return name + ": " + text.value();
        return {};
    }

    void expect_failures(const std::vector<Failure>& failures)
    {
        auto good = config;
        good["process"]["env"].push_back("CONTAINER=" + id);
        for (const auto& [said, damage, options] : failures) {
            config = good;
            damage(config);
            auto const finished = run(options);
            EXPECT_EQ(finished.status.as_exit_code(), 1) << said;
            EXPECT_NE(finished.err.find(said), std::string::npos) << said << " not in " << finished.err;
            EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
            EXPECT_EQ(process_left(), "") << said;
            expect_nothing_left();
        }
        config = good;
        EXPECT_EQ(run().status.as_exit_code(), 0) << "nothing else was wrong";
    }

    static std::function<void(json&)> set(const std::string& pointer, json value)
    {
        return [pointer, value = std::move(value)](json& all) { all[json::json_pointer{pointer}] = value; };
    }

    static json hook(const std::string& script) { return json::array({{{"path", "/bin/sh"}, {"args", {"sh", "-c", script}}}}); }
};

/// An entry of linux.namespaces.
std::function<void(json&)> join(const std::string& type, const std::string& path)
{
    return [type, path](json& all) {
        auto& spaces = all["linux"]["namespaces"];
        spaces.erase(std::remove_if(spaces.begin(), spaces.end(), [&](const json& one) { return one["type"] == type; }),
                     spaces.end());
        spaces.push_back({{"type", type}, {"path", path}});
    };
}

std::function<void(json&)> with_users(json mappings)
{
    return [mappings = std::move(mappings)](json& all) {
        all["linux"]["namespaces"].push_back({{"type", "user"}});
        all["linux"]["uidMappings"] = all["linux"]["gidMappings"] = mappings;
    };
}

TEST_F(SetUpOf, leaves_nothing_when_the_parent_fails_before_there_is_a_process)
{
    auto const notify = json::array({{{"names", {"mkdir"}}, {"action", "SCMP_ACT_NOTIFY"}}});
    json const mapped{{"destination", "/mapped"},
                      {"type", "bind"},
                      {"source", "/proc"}, // A file system whose ids can't be mapped.
                      {"options", {"bind", "idmap"}},
                      {"uidMappings", json::array({{{"containerID", 0}, {"hostID", 1}, {"size", 1}}})},
                      {"gidMappings", json::array({{{"containerID", 0}, {"hostID", 1}, {"size", 1}}})}};
    expect_failures({
        {"linux.cgroupsPath", set("/linux/cgroupsPath", "/../x")},
        {"linux.resources", set("/linux/resources/cpu", {{"quota", 1}})},
        {"/nosuch", join("network", "/nosuch")},
        {"namespace", join("network", "/proc/self/ns/uts")},
        {"SCMP_ARCH_X", set("/linux/seccomp", {{"defaultAction", "SCMP_ACT_ALLOW"}, {"architectures", {"SCMP_ARCH_X"}}})},
        {"linux.seccomp.listenerPath", set("/linux/seccomp", {{"defaultAction", "SCMP_ACT_ALLOW"},
                                                              {"architectures", {"SCMP_ARCH_X86_64"}},
                                                              {"listenerPath", (directory / "nobody").string()},
                                                              {"syscalls", notify}})},
        {"map ids", [&](json& all) { all["mounts"].push_back(mapped); }},
        {"--console-socket", set("/process/terminal", true), {"--console-socket", (directory / "nobody").string()}},
    });
}

TEST_F(SetUpOf, leaves_nothing_when_its_first_process_can_not_begin)
{
    auto const overlapping = json::array(
        {{{"containerID", 0}, {"hostID", 100000}, {"size", 10}}, {{"containerID", 5}, {"hostID", 200000}, {"size", 10}}});
    expect_failures({
        {"linux.timeOffsets",
         [](json& all) {
             all["linux"]["namespaces"].push_back({{"type", "time"}});
             all["linux"]["timeOffsets"] = {{"boottime", {{"secs", -4000000000}}}};
         }},
        {"map", with_users(overlapping)},
        {"process.oomScoreAdj", set("/process/oomScoreAdj", 5000)},
        {"linux.sysctl: net.ipv4.ip_forward", set("/linux/sysctl", {{"net.ipv4.ip_forward", "x"}})},
        {"linux.sysctl: net.no.such", set("/linux/sysctl", {{"net.no.such", "1"}})},
    });
}

TEST_F(SetUpOf, leaves_nothing_when_its_root_can_not_be_built)
{
    auto const mount = [](json one) { return [one = std::move(one)](json& all) { all["mounts"].push_back(one); }; };
    auto const device = [&](const char* path, int major) {
        return set("/linux/devices", json::array({{{"path", path}, {"type", "c"}, {"major", major}, {"minor", 3}}}));
    };
    std::ofstream{rootfs / "file"} << "no directory";
    std::ofstream{rootfs / "dev-null"} << "no device";
    expect_failures({
        {"nosuchfs", mount({{"destination", "/x"}, {"type", "nosuchfs"}, {"source", "x"}})},
        {"size", mount({{"destination", "/x"}, {"type", "tmpfs"}, {"source", "x"}, {"options", {"size=never"}}})},
        {"/nosuch", mount({{"destination", "/x"}, {"type", "bind"}, {"source", "/nosuch"}, {"options", {"bind"}}})},
        {"Not a directory", mount({{"destination", "/file/x"}, {"type", "tmpfs"}, {"source", "x"}})},
        {"must not be the root", mount({{"destination", "/"}, {"type", "tmpfs"}, {"source", "x"}})},
        {"linux.devices", device("/proc/x", 1)},
        {"linux.devices", device("/file", 1)},
        {"createRuntime", set("/hooks/createRuntime", hook("exit 3"))},
        {"prestart", set("/hooks/prestart", hook("exit 3"))},
        {"createContainer", set("/hooks/createContainer", hook("exit 3"))},
        {"linux.netDevices", set("/linux/netDevices", {{"nosuchlink", json::object()}})},
        {"process.cwd", set("/process/cwd", "/bin/busybox")},
        {"linux.readonlyPaths", set("/linux/readonlyPaths", {"/proc/self/exe"})},
        {"linux.maskedPaths", set("/linux/maskedPaths", {"/proc/self/exe"})},
    });
}

TEST_F(SetUpOf, leaves_nothing_when_its_terminal_can_not_be_made)
{
    auto const without = [](const char* destination) {
        return [destination](json& all) {
            all["process"]["terminal"] = true;
            auto& mounts = all["mounts"];
            mounts.erase(
                std::remove_if(mounts.begin(), mounts.end(), [&](const json& one) { return one["destination"] == destination; }),
                mounts.end());
        };
    };
    expect_failures({{"open a terminal", without("/dev/pts")}});
}

TEST_F(SetUpOf, leaves_nothing_when_it_can_not_settle)
{
    auto const unwritable = (directory / "nosuch/file").string();
    expect_failures({
        {"host name", set("/hostname", std::string(100, 'x'))},
        {"domain name", set("/domainname", std::string(100, 'x'))},
        {"executable file not found", set("/process/args", {"/bin/nosuch"})},
        {"permission denied", set("/process/args", {"/etc"})},
        {"--pid-file", [](json&) {}, {"--pid-file", unwritable}},
        {"--pidfd-socket", [](json&) {}, {"--pidfd-socket", unwritable}},
    });
}

TEST_F(SetUpOf, leaves_nothing_when_its_program_can_not_take_over)
{
    std::ofstream{rootfs / "script"} << "#!/nosuch\n";
    std::ofstream{rootfs / "text"} << "text";
    for (const char* const name : {"script", "text"})
        fs::permissions(rootfs / name, fs::perms::all);
    auto const rule = json::array({{{"allowedAccess", {"read_file"}}, {"paths", {"/nosuch"}}}});
    expect_failures({
        {"process.rlimits",
         set("/process/rlimits", json::array({{{"type", "RLIMIT_NOFILE"}, {"soft", 1u << 31}, {"hard", 1u << 31}}}))},
        {"process.scheduler", set("/process/scheduler", {{"policy", "SCHED_FIFO"}, {"priority", 100}})},
        {"execute /bin/true: Permission denied",
         set("/process/landlock", {{"ruleset", {{"handledAccessFS", {"read_file"}}}}, {"rules", {{"pathBeneath", rule}}}})},
        {"process.user",
         [](json& all) {
             with_users(json::array({{{"containerID", 0}, {"hostID", 100000}, {"size", 10}}}))(all);
             all["process"]["user"] = {{"uid", 500}, {"gid", 500}};
         }},
        {"startContainer", set("/hooks/startContainer", json::array({{{"path", "/bin/false"}, {"args", {"false"}}}}))},
        {"execute /script", set("/process/args", {"/script"})},
        {"Exec format error", set("/process/args", {"/text"})},
        {"poststart", set("/hooks/poststart", hook("exit 3"))},
    });
}

/// Of all hierarchies, those that have it.
std::vector<fs::path> cgroups_called(const std::string& path)
{
    std::vector<fs::path> found;
    if (fs::exists("/sys/fs/cgroup/" + path))
        found.emplace_back("/sys/fs/cgroup/" + path);
    for (const auto& hierarchy : fs::directory_iterator{"/sys/fs/cgroup"})
        if (fs::exists(hierarchy.path() / path))
            found.push_back(hierarchy.path() / path);
    return found;
}

TEST_F(SetUpOf, leaves_no_directory_above_its_cgroup_but_those_that_were_there)
{
    auto const above = id + "-above";
    config["linux"]["cgroupsPath"] = "/" + above + "/deep/group";
    config["mounts"].push_back({{"destination", "/x"}, {"type", "nosuchfs"}, {"source", "x"}});
    EXPECT_EQ(run().status.as_exit_code(), 1);
    EXPECT_THAT(cgroups_called(above), testing::IsEmpty());

    auto const other = sys::Cgroup::create("/" + above, sys::Cgroup::usual_controllers());
    ASSERT_TRUE(other.ok());
    EXPECT_EQ(run().status.as_exit_code(), 1);
    EXPECT_FALSE(cgroups_called(above).empty()) << "somebody else's";
    EXPECT_THAT(cgroups_called(above + "/deep"), testing::IsEmpty());
    for (const char* const below : {"/deep/group", "/deep", ""})
        for (const auto& left : cgroups_called(above + below))
            (void)::rmdir(left.c_str());
}

} // namespace
} // namespace nova::runtime
