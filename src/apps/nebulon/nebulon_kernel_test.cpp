// Nebulon's commands as its users call them: the real programs, a real busybox root, a real image.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/abort_guard_testing.h"
#include "base/strings.h"
#include "storage/digest.h"
#include "storage/test_archives.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::nebulon {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class Nebulon : public testing::Test {
protected:
    void SetUp() override
    {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root";
        if (!fs::exists("/bin/busybox"))
            GTEST_SKIP() << "needs busybox-static";
        fs::create_directories(elsewhere);
        ASSERT_EQ(nb({"init"}).status.as_exit_code(), 0);
        fill(root / "rootfs");
    }

    void TearDown() override
    {
        remove_containers();
        EXPECT_EQ(sys::read_file("/proc/self/mountinfo").value().find(directory.string()), std::string::npos)
            << "a mount is left";
        EXPECT_FALSE(fs::exists(root / "run") && !fs::is_empty(root / "run") && !only_hidden(root / "run")) << "a record is left";
        fs::remove_all(directory);
    }

    void remove_containers() const
    {
        for (const auto& id : ids()) {
            (void)nb({"stop", "--time", "0", id});
            (void)nb({"rm", id});
        }
    }

    static bool only_hidden(const fs::path& path)
    {
        for (const auto& entry : fs::directory_iterator{path})
            if (!entry.path().filename().string().starts_with("."))
                return false;
        return true;
    }

    static void fill(const fs::path& rootfs)
    {
        fs::create_directories(rootfs / "bin");
        fs::create_directories(rootfs / "tmp");
        fs::copy_file("/bin/busybox", rootfs / "bin/busybox");
        for (const char* const name : {"sh", "true", "cat", "id", "sleep", "hostname", "echo", "touch"})
            fs::create_symlink("busybox", rootfs / "bin" / name);
    }

    static std::string program() { return (fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "nb/nb").string(); }

    sys::ChildSpec call(const std::vector<std::string>& words) const
    {
        sys::ChildSpec spec;
        spec.program = program();
        spec.argv = {"nb", "--root", root.string()};
        spec.argv.insert(spec.argv.end(), words.begin(), words.end());
        spec.cwd = elsewhere.string();
        return spec;
    }

    sys::Finished nb(const std::vector<std::string>& words) const
    {
        sys::RunSpec run;
        run.child = call(words);
        auto result = sys::run_child(run);
        EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message());
        return result.ok() ? std::move(result).value() : sys::Finished{};
    }

    std::string create(std::vector<std::string> words) const
    {
        words.insert(words.begin(), "create");
        auto const done = nb(words);
        EXPECT_EQ(done.status.as_exit_code(), 0) << done.err;
        return base::trim(done.out);
    }

    json metadata(const std::string& id) const { return json::parse(std::ifstream{root / "containers" / id / "metadata.json"}); }

    std::vector<std::string> ids() const
    {
        auto all = base::split(nb({"ps", "--quiet"}).out, '\n');
        std::erase(all, "");
        return all;
    }

    /// Whether it runs: not gone, and not only waiting to be reaped.
    static bool lives(pid_t pid)
    {
        auto const stat = sys::read_file("/proc/" + std::to_string(pid) + "/stat");
        return stat.ok() && stat.value().find(") Z ") == std::string::npos;
    }

    bool wait_for(const std::string& id, const std::string& status) const
    {
        for (int i = 0; i < 3000 && metadata(id)["status"] != status; ++i)
            ::usleep(10000);
        return metadata(id)["status"] == status;
    }

    /// One that runs until it is stopped.
    std::string run_sleeper() const
    {
        auto const id = create({"sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"});
        EXPECT_EQ(nb({"run", "--detach", id}).status.as_exit_code(), 0);
        EXPECT_EQ(metadata(id)["status"], "Running");
        return id;
    }

    void expect_refused(const std::vector<std::string>& words, const std::string& said) const
    {
        auto const before = tree();
        auto const done = nb(words);
        EXPECT_EQ(done.status.as_exit_code(), 1) << said << done.out;
        EXPECT_THAT(done.err, HasSubstr(said));
        EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
        EXPECT_EQ(done.out, "");
        EXPECT_EQ(tree(), before) << "left by: " << done.err;
    }

    /// Everything below the root but locks and empty directories that storage makes.
    std::vector<std::string> tree() const
    {
        std::vector<std::string> files;
        for (const auto& entry : fs::recursive_directory_iterator{root})
            if (!entry.is_directory() && entry.path().filename() != "lock")
                files.push_back(entry.path().string());
        std::sort(files.begin(), files.end());
        return files;
    }

    /// A docker archive of one layer with busybox, whose command says where it is.
    std::string docker_archive() const
    {
        using storage::test::Entry;
        auto const busybox = sys::read_file("/bin/busybox").value();
        auto const layer = storage::test::tar_of(
            {Entry{.name = "bin", .type = '5', .mode = 0755}, Entry{.name = "bin/busybox", .content = busybox, .mode = 0755},
             Entry{.name = "bin/sh", .type = '2', .link = "busybox"}, Entry{.name = "bin/cat", .type = '2', .link = "busybox"},
             Entry{.name = "srv", .type = '5', .mode = 0755}, Entry{.name = "srv/word", .content = "from the image\n"}});
        json const config{
            {"os", "linux"},
            {"architecture", "amd64"},
            {"config", {{"Env", {"PATH=/bin", "WORD=image"}}, {"Cmd", {"sh", "-c", "pwd; echo $WORD"}}, {"WorkingDir", "/srv"}}},
            {"rootfs", {{"type", "layers"}, {"diff_ids", {"sha256:" + storage::Sha256::of(layer)}}}}};
        json const manifest = {{{"Config", "config.json"}, {"RepoTags", {"myapp:latest"}}, {"Layers", {"layer.tar"}}}};
        auto const path = (directory / "myapp.tar").string();
        storage::test::write_text(path, storage::test::tar_of({Entry{.name = "manifest.json", .content = manifest.dump()},
                                                               Entry{.name = "config.json", .content = config.dump()},
                                                               Entry{.name = "layer.tar", .content = layer}}));
        return path;
    }

    fs::path directory = fs::temp_directory_path() / ("nebulon-" + sys::random_hex(8));
    fs::path root = directory / "state";
    base::AbortGuard const guard{[this] {
        remove_containers();
        base::AbortGuard::remove(directory);
    }};
    fs::path elsewhere = directory / "elsewhere"; ///< Without a config.json.
};

TEST_F(Nebulon, creates_runs_and_lists_a_container)
{
    auto const id = create({"--hostname", "my-container", "--workdir", "/tmp", "--env", "A=b c", "--uid", "1000", "--gid", "1001",
                            "sh", "-c", "hostname; pwd; echo $A; id -u; id -g; exit 7"});
    EXPECT_THAT(id, testing::MatchesRegex("nb-[0-9a-f]+"));
    EXPECT_EQ(id.size(), 11u);
    auto const written = metadata(id);
    EXPECT_EQ(written["status"], "Created");
    EXPECT_EQ(written["pid"], 0);
    EXPECT_EQ(written["config"]["command"], json::array({"sh"}));
    EXPECT_EQ(written["config"]["rootfs"], (root / "rootfs").string());
    EXPECT_FALSE(written["config"].contains("volumes"));

    auto const done = nb({"run", id});
    EXPECT_EQ(done.status.as_exit_code(), 7) << done.err;
    EXPECT_EQ(done.out, "my-container\n/tmp\nb c\n1000\n1001\n");
    EXPECT_EQ(metadata(id)["status"], "Exited");
    EXPECT_THAT(nb({"ps"}).out, HasSubstr(id + "   Exited"));
    EXPECT_EQ(nb({"run", id}).status.as_exit_code(), 7) << "it can be run again";
    EXPECT_EQ(nb({"rm", id}).status.as_exit_code(), 0);
    EXPECT_TRUE(ids().empty());
}

TEST_F(Nebulon, stops_what_runs_and_what_has_died)
{
    auto const id = run_sleeper();
    auto const pid = metadata(id)["pid"].get<pid_t>();
    EXPECT_TRUE(lives(pid));
    expect_refused({"run", id}, id + " runs already");
    expect_refused({"rm", id}, "nb stop " + id);
    EXPECT_EQ(nb({"stop", id}).status.as_exit_code(), 0);
    EXPECT_FALSE(lives(pid));
    EXPECT_EQ(metadata(id)["status"], "Stopped");
    EXPECT_EQ(metadata(id)["pid"], 0);
    EXPECT_EQ(nb({"stop", id}).status.as_exit_code(), 0) << "it is stopped already";

    ASSERT_EQ(nb({"run", "--detach", id}).status.as_exit_code(), 0);
    auto const again = metadata(id)["pid"].get<pid_t>();
    ASSERT_EQ(::kill(again, SIGKILL), 0);
    for (int i = 0; i < 3000 && lives(again); ++i)
        ::usleep(10000);
    EXPECT_THAT(nb({"ps"}).out, HasSubstr(id + "   Exited"));
    EXPECT_EQ(nb({"stop", id}).status.as_exit_code(), 0);
    expect_refused({"stop", create({"true"})}, "was never run");
}

TEST_F(Nebulon, kills_what_does_not_hear)
{
    auto const id = create({"sh", "-c", "trap '' TERM; while true; do sleep 0.1; done"});
    ASSERT_EQ(nb({"run", "--detach", id}).status.as_exit_code(), 0);
    EXPECT_EQ(nb({"stop", "--time", "0", id}).status.as_exit_code(), 0);
    EXPECT_EQ(metadata(id)["status"], "Stopped");
}

TEST_F(Nebulon, tells_the_truth_after_a_kill_of_whoever_ran_it)
{
    auto const id = create({"sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"});
    auto runner = sys::spawn(call({"run", id})).value();
    ASSERT_TRUE(wait_for(id, "Running"));
    ASSERT_TRUE(runner.signal(SIGKILL).ok());
    ASSERT_TRUE(runner.wait(base::Deadline::after(std::chrono::seconds{60})).ok());
    EXPECT_THAT(nb({"ps"}).out, HasSubstr(id + "   Running")) << "it goes on without";
    EXPECT_EQ(nb({"stop", id}).status.as_exit_code(), 0);
    EXPECT_EQ(metadata(id)["status"], "Stopped");
}

TEST_F(Nebulon, survives_a_kill_at_any_moment)
{
    auto const kill_after = [this](const std::vector<std::string>& words, unsigned microseconds) {
        auto child = sys::spawn(call(words)).value();
        ::usleep(microseconds);
        (void)child.signal(SIGKILL);
        (void)child.wait(base::Deadline::after(std::chrono::seconds{60}));
    };
    for (unsigned i = 0; i < 10; ++i)
        kill_after({"create", "true"}, 1000 * i);
    for (const auto& id : ids())
        EXPECT_EQ(metadata(id)["status"], "Created");
    auto const id = create({"sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"});
    for (unsigned i = 0; i < 12; ++i) {
        kill_after({"run", id}, 4000 * i);
        EXPECT_EQ(nb({"ps"}).status.as_exit_code(), 0);
        if (metadata(id)["status"] != "Created") { // It had begun, or begins only now.
            EXPECT_EQ(nb({"stop", id}).status.as_exit_code(), 0);
        }
    }
    (void)nb({"stop", "--time", "0", id});
    EXPECT_EQ(nb({"run", "--detach", id}).status.as_exit_code(), 0) << "nothing stands in the way";
    for (unsigned i = 0; i < 6; ++i)
        kill_after({"stop", id}, 3000 * i);
    EXPECT_EQ(nb({"stop", id}).status.as_exit_code(), 0);
    EXPECT_EQ(nb({"rm", id}).status.as_exit_code(), 0);
}

TEST_F(Nebulon, sweeps_what_a_kill_left_half_made)
{
    auto const id = create({"true"});
    fs::create_directories(root / "containers/.new-nb-00000000");
    fs::create_directories(root / "containers/.removed-nb-11111111/upper");
    EXPECT_EQ(ids(), std::vector<std::string>{id});
    create({"true"});
    EXPECT_FALSE(fs::exists(root / "containers/.new-nb-00000000"));
    EXPECT_FALSE(fs::exists(root / "containers/.removed-nb-11111111"));
}

TEST_F(Nebulon, keeps_volumes_and_binds_directories)
{
    EXPECT_EQ(nb({"volume", "create", "keep", "--driver", "local"}).out, "keep\n");
    expect_refused({"volume", "create", "keep"}, "is there already");
    expect_refused({"volume", "create", "../up"}, "no DNS label");
    expect_refused({"volume", "create", "other", "--driver", "nfs"}, "there is only local");
    EXPECT_THAT(nb({"volume", "ls"}).out, HasSubstr("local    keep\n"));
    fs::create_directories(directory / "site");
    std::ofstream{directory / "site/page"} << "a page\n";
    auto const id = create({"--volumes", "keep:/keep", "--volumes", (directory / "site").string() + ":/site:ro", "sh", "-c",
                            "cat /site/page; echo kept > /keep/file; touch /site/no || echo read-only"});
    EXPECT_EQ(metadata(id)["config"]["volumes"][1],
              (json{{"source", (directory / "site").string()}, {"target", "/site"}, {"read_only", true}}));
    EXPECT_EQ(nb({"run", id}).out, "a page\nread-only\n");
    auto const other = create({"-v", "keep:/keep", "cat", "/keep/file"});
    EXPECT_EQ(nb({"run", other}).out, "kept\n");
    expect_refused({"volume", "rm", "keep"}, "is used by");
    ASSERT_EQ(nb({"rm", id}).status.as_exit_code(), 0);
    ASSERT_EQ(nb({"rm", other}).status.as_exit_code(), 0);
    EXPECT_EQ(nb({"volume", "rm", "keep"}).status.as_exit_code(), 0);
    expect_refused({"volume", "rm", "keep"}, "there is no volume");
    expect_refused({"create", "-v", "keep:/keep", "true"}, "there is no volume keep");
}

TEST_F(Nebulon, runs_from_an_imported_image)
{
    auto const imported = nb({"image", "import", docker_archive(), "myapp", "latest"});
    ASSERT_EQ(imported.status.as_exit_code(), 0) << imported.err;
    EXPECT_THAT(imported.out, HasSubstr("myapp:latest sha256:"));
    EXPECT_THAT(nb({"image", "ls"}).out, testing::ContainsRegex("myapp +latest +sha256:"));
    auto const id = create({"--rootfs", "myapp:latest"});
    EXPECT_EQ(metadata(id)["config"]["rootfs"], "myapp:latest");
    EXPECT_EQ(nb({"run", id}).out, "/srv\nimage\n");
    auto const writer =
        create({"--rootfs", "myapp", "--env", "WORD=mine", "sh", "-c", "echo $WORD; cat word; echo more >> word"});
    EXPECT_EQ(nb({"run", writer}).out, "mine\nfrom the image\n");
    EXPECT_EQ(nb({"run", writer}).out, "mine\nfrom the image\nmore\n") << "what it wrote stays its own";
    EXPECT_EQ(nb({"run", id}).out, "/srv\nimage\n");
    expect_refused({"image", "rm", "myapp", "latest"}, "is used by");
    expect_refused({"image", "import", docker_archive(), "myapp", "latest"}, "is used by");
    for (const auto& one : {id, writer})
        EXPECT_EQ(nb({"rm", one}).status.as_exit_code(), 0);
    EXPECT_EQ(nb({"image", "rm", "myapp", "latest"}).status.as_exit_code(), 0);
    EXPECT_EQ(nb({"image", "ls"}).out.find("myapp"), std::string::npos);
    expect_refused({"image", "rm", "myapp", "latest"}, "myapp:latest");
}

TEST_F(Nebulon, refuses_what_is_no_image)
{
    storage::test::write_text((directory / "text.tar").string(), "no tar");
    expect_refused({"image", "import", (directory / "text.tar").string(), "myapp", "latest"}, "text.tar");
    expect_refused({"image", "import", (directory / "none.tar").string(), "myapp", "latest"}, "none.tar");
    expect_refused({"image", "import", docker_archive(), "../up", "latest"}, "must be NAME");
    expect_refused({"image", "import", docker_archive(), "myapp", "a/b"}, "is no tag");
    expect_refused({"image", "import", docker_archive(), "myapp"}, "usage: nb image import TAR NAME TAG");
    expect_refused({"image", "frobnicate"}, "needs one of import, ls, rm");
}

TEST_F(Nebulon, limits_memory_and_cpus)
{
    auto const id = create({"--memory", "32Mi", "--cpus", "0.5", "sh", "-c", "x=0123456789abcdef; while true; do x=$x$x; done"});
    EXPECT_EQ(metadata(id)["config"]["memory_limit"], 32 << 20);
    EXPECT_EQ(nb({"run", id}).status.as_exit_code(), 137);
    auto const config = json::parse(std::ifstream{root / "containers" / id / "config.json"});
    EXPECT_EQ(config["linux"]["resources"]["cpu"]["quota"], 50000);
    expect_refused({"create", "--memory", "lots", "true"}, "--memory");
    expect_refused({"create", "--cpus", "nan", "true"}, "--cpus");
    expect_refused({"create", "--cpus", "-1", "true"}, "cpus");
}

TEST_F(Nebulon, refuses_bad_input_with_one_line_and_leaves_nothing)
{
    for (const char* const id : {"", "nb-", "../../../etc", "nb-../../etc", "nb-0123ABCD", "/etc", "nb-0123456/"})
        for (const char* const command : {"run", "stop", "rm"})
            expect_refused({command, id}, "is no container's id");
    expect_refused({"run", "nb-00000000"}, "there is no container nb-00000000");
    expect_refused({"stop"}, "needs exactly one argument");
    expect_refused({"create"}, "needs a command");
    expect_refused({"create", "--rootfs", "/nosuch", "true"}, "there is no directory /nosuch");
    expect_refused({"create", "--rootfs", "nosuch:1", "true"}, "there is no image nosuch:1");
    expect_refused({"create", "--uid", "-1", "true"}, "--uid");
    expect_refused({"create", "--uid", "root", "true"}, "--uid");
    expect_refused({"create", "--gid", "4294967295", "true"}, "--gid");
    expect_refused({"create", "--env", "=x", "true"}, "env");
    expect_refused({"create", "--env", "\xff=x", "true"}, "UTF-8");
    expect_refused({"create", "--hostname", "a b", "true"}, "hostname");
    expect_refused({"create", "--workdir", "tmp", "true"}, "workdir");
    expect_refused({"create", "--volume", "/tmp", "true"}, "SOURCE:TARGET[:ro]");
    expect_refused({"create", "--volume", "/nosuch:/x", "true"}, "there is no /nosuch");
    expect_refused({"create", "--volume", "/tmp:x", "true"}, "absolute path");
    expect_refused({"create", "--frobnicate", "true"}, "unknown option --frobnicate");
}

TEST_F(Nebulon, names_the_file_that_is_damaged)
{
    auto const id = create({"true"});
    std::ofstream{root / "containers" / id / "metadata.json"} << R"({"id":")" << id << R"(","pid":"x"})";
    expect_refused({"run", id}, "metadata.json: pid: must be a whole number");
    fs::remove_all(root / "containers" / id);
}

TEST_F(Nebulon, leaves_the_runtime_s_commands_alone)
{
    auto const bundle = directory / "bundle";
    fs::create_directories(bundle);
    fill(bundle / "rootfs");
    auto spec = call({"spec"});
    spec.cwd = bundle.string();
    sys::RunSpec run;
    run.child = spec;
    ASSERT_TRUE(sys::run_child_that_succeeds(run).ok());
    auto config = json::parse(std::ifstream{bundle / "config.json"});
    config["process"]["terminal"] = false;
    config["process"]["args"] = {"echo", "from the bundle"};
    std::ofstream{bundle / "config.json"} << config.dump();

    run.child = call({"run", "web"});
    run.child.cwd = bundle.string();
    EXPECT_EQ(sys::run_child(run).value().out, "from the bundle\n") << "one argument beside a config.json";
    EXPECT_EQ(nb({"run", "--bundle", bundle.string(), "web"}).out, "from the bundle\n");
    run.child = call({"create", "echo", "two words"});
    run.child.cwd = bundle.string();
    auto const id = base::trim(sys::run_child(run).value().out);
    EXPECT_EQ(nb({"run", id}).out, "two words\n");
    expect_refused({"run", "web"}, "is no container's id, as nb-317d1158 is; an OCI bundle is named with --bundle");
}

TEST_F(Nebulon, helps_with_every_command)
{
    for (const char* const command : {"init", "create", "run", "ps", "stop", "rm", "volume", "image"}) {
        auto const done = nb({command, "--help"});
        EXPECT_EQ(done.status.as_exit_code(), 0) << command;
        EXPECT_THAT(done.out, HasSubstr("usage: nb ")) << command;
        EXPECT_THAT(done.out, testing::ContainsRegex(std::string{"examples?: nb "} + command)) << command;
    }
    EXPECT_THAT(nb({"--help"}).out, HasSubstr("Nebulon"));
    EXPECT_THAT(nb({"run", "--help"}).out, testing::StartsWith("NAME:\n   nb run - ")) << "what is the runtime's";
    EXPECT_THAT(nb({"start", "--help"}).out, testing::Not(HasSubstr("Nebulon")));
    EXPECT_EQ(nb({"frobnicate", "--help"}).status.as_exit_code(), 64);
}

TEST_F(Nebulon, of_a_place_that_is_not_one_is_told_and_made_nowhere)
{
    auto const other = directory / "other";
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"ps"}, {"create", "true"}, {"volume", "ls"}, {"image", "ls"}}) {
        auto spec = call(words);
        spec.argv[2] = other.string();
        sys::RunSpec run;
        run.child = spec;
        auto const done = sys::run_child(run).value();
        EXPECT_EQ(done.status.as_exit_code(), 1);
        EXPECT_THAT(done.err, HasSubstr("nb init"));
        EXPECT_FALSE(fs::exists(other));
    }
}

} // namespace
} // namespace nova::nebulon
