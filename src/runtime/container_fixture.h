#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/abort_guard_testing.h"
#include "base/clock.h"
#include "runtime/bundle.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::runtime {

namespace fs = std::filesystem;
using nlohmann::json;

/// A bundle with a busybox root in a directory of its own, and the real nb to run it. Needs root.
class ContainerTest : public testing::Test {
protected:
    void SetUp() override
    {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root";
        if (!fs::exists("/bin/busybox"))
            GTEST_SKIP() << "needs busybox-static";
        for (const char* const name : {"bin", "etc", "tmp"})
            fs::create_directories(rootfs / name);
        fs::copy_file("/bin/busybox", rootfs / "bin/busybox");
        for (const char* const name :
             {"sh",   "true",  "false", "cat",   "id",   "sleep",    "hostname", "mount", "touch", "ls",       "grep",
              "head", "mkdir", "env",   "chmod", "stat", "readlink", "dd",       "kill",  "seq",   "printenv", "chroot"})
            fs::create_symlink("busybox", rootfs / "bin" / name);
        EXPECT_EQ(nb({"spec", "--bundle", bundle.string()}).status.as_exit_code(), 0);
        config = json::parse(std::ifstream{bundle / "config.json"});
        config["process"]["terminal"] = false;
        for (const char* const set : {"bounding", "effective", "permitted"}) // To be root as in engines' containers.
            config["process"]["capabilities"][set] = default_capabilities();
        config["process"]["args"] = {"/bin/true"};
        config["linux"]["cgroupsPath"] = "/" + id;
    }

    void TearDown() override
    {
        if (!fs::exists(bundle))
            return;
        (void)nb({"delete", "--force", id});
        fs::remove_all(directory);
    }

    static std::string program()
    {
        return (fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "apps/nb/nb").string();
    }

    sys::Finished nb(std::vector<std::string> words, const std::string& input = {}, std::vector<sys::PassedFd> pass = {}) const
    {
        sys::RunSpec run;
        run.child.program = program();
        run.child.argv = {"nb", "--root", state.string()};
        run.child.argv.insert(run.child.argv.end(), words.begin(), words.end());
        run.input = input;
        run.child.pass = std::move(pass);
        auto result = sys::run_child(run);
        EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message());
        auto finished = result.ok() ? std::move(result).value() : sys::Finished{};
        EXPECT_EQ(finished.err.find("Sanitizer"), std::string::npos) << finished.err; // Also where nb was to fail.
        return finished;
    }

    void write_config() const { std::ofstream{bundle / "config.json"} << config.dump(); }

    void shell(const std::string& script) { config["process"]["args"] = {"sh", "-c", script}; }

    /// Runs the configuration to its end.
    sys::Finished run(const std::vector<std::string>& options = {})
    {
        write_config();
        std::vector<std::string> words{"run", "--bundle", bundle.string()};
        words.insert(words.end(), options.begin(), options.end());
        words.push_back(id);
        return nb(words);
    }

    int create()
    {
        write_config();
        return nb({"create", "--bundle", bundle.string(), id}).status.as_exit_code();
    }

    std::string status() const
    {
        auto const state_now = nb({"state", id});
        return state_now.status.success() ? json::parse(state_now.out)["status"].get<std::string>() : "absent";
    }

    bool wait_for(const std::string& wanted) const
    {
        return eventually([&] { return status() == wanted; });
    }

    /// True as soon as it holds.
    static bool eventually(const std::function<bool()>& holds)
    {
        auto const deadline = base::Deadline::after(std::chrono::seconds{30});
        while (!holds()) {
            if (deadline.passed())
                return false;
            ::usleep(10000);
        }
        return true;
    }

    /// What a failed start must not leave.
    void expect_nothing_left() const
    {
        EXPECT_FALSE(fs::exists(state / id)) << "a record";
        EXPECT_EQ(cgroup_below("/sys/fs/cgroup"), "") << "a cgroup";
        EXPECT_EQ(sys::read_file("/proc/self/mountinfo").value().find(directory.string()), std::string::npos) << "a mount";
    }

    /// A cgroup of our name. Those of others may go while we look.
    std::string cgroup_below(const fs::path& directory_above) const
    {
        std::error_code gone;
        for (auto entry = fs::directory_iterator{directory_above, gone}; !gone && entry != fs::directory_iterator{};
             entry.increment(gone)) {
            if (!entry->is_directory(gone) || entry->is_symlink(gone))
                continue;
            auto const below = entry->path().filename() == id ? entry->path().string() : cgroup_below(entry->path());
            if (!below.empty())
                return below;
        }
        return {};
    }

    std::string id = "nbtest-" + sys::random_hex(8);
    fs::path directory = fs::temp_directory_path() / id;
    fs::path bundle = directory / "bundle";
    fs::path rootfs = bundle / "rootfs";
    fs::path state = directory / "state";
    json config;
    base::AbortGuard const guard{[this] {
        (void)nb({"delete", "--force", id});
        base::AbortGuard::remove(directory);
    }};
};

} // namespace nova::runtime
