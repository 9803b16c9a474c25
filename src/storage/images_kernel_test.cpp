#include "storage/images.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <fstream>

#include "base/abort_guard_testing.h"
#include "storage/rootfs.h"
#include "storage/test_archives.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::storage {
namespace {

void run(const std::vector<std::string>& argv)
{
    sys::RunSpec spec;
    spec.child.program = sys::find_program(argv[0]).value();
    spec.child.argv = argv;
    auto const done = sys::run_child_that_succeeds(spec);
    ASSERT_TRUE(done.ok()) << done.error().message();
}

/// Real images, made with umoci from the machine's busybox, and an image store, in a mount namespace of its own.
class RealImage : public testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
        ASSERT_EQ(::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        ASSERT_TRUE(sys::make_directories(root + "/bundle-files/bin").ok());
        run({"umoci", "init", "--layout", layout});
        run({"umoci", "new", "--image", layout + ":web"});
        std::filesystem::copy("/bin/busybox", root + "/bundle-files/bin/busybox");
        std::filesystem::create_symlink("busybox", root + "/bundle-files/bin/sh");
        std::ofstream{root + "/bundle-files/page"} << "first\n";
        run({"umoci", "insert", "--image", layout + ":web", root + "/bundle-files", "/"});
        run({"umoci", "config", "--image", layout + ":web", "--config.entrypoint", "/bin/busybox", "--config.cmd", "httpd",
             "--config.env", "A=b", "--config.user", "nobody", "--config.workingdir", "/www", "--config.stopsignal", "SIGINT",
             "--config.label", "one=two"});
    }
    void TearDown() override
    {
        EXPECT_TRUE(remove_rootfs(root + "/capsule").ok());
        std::filesystem::remove_all(root);
    }
    ImageStore open_store() const { return ImageStore::open(root + "/store").value(); }
    std::vector<std::string> names(const std::string& directory) const
    {
        return sys::list_directory(root + "/store/" + directory).value();
    }

    std::string root = testing::TempDir() + "nova-images-" + sys::random_hex(8);
    std::string layout = root + "/layout";
    base::AbortGuard const guard{[this] {
        (void)remove_rootfs(root + "/capsule");
        base::AbortGuard::remove(root);
    }};
};

Result<std::vector<std::string>> nothing() { return std::vector<std::string>{}; }

TEST_F(RealImage, comes_out_of_an_oci_layout_with_its_config)
{
    auto store = open_store();

    auto const image = store.import(layout, "web");

    ASSERT_TRUE(image.ok()) << image.error().message();
    EXPECT_EQ(image.value().reference, "web:latest");
    EXPECT_EQ(image.value().config.entrypoint, (std::vector<std::string>{"/bin/busybox"}));
    EXPECT_EQ(image.value().config.command, (std::vector<std::string>{"httpd"}));
    EXPECT_EQ(image.value().config.env, (std::vector<std::string>{"A=b"}));
    EXPECT_EQ(image.value().config.user, "nobody");
    EXPECT_EQ(image.value().config.working_dir, "/www");
    EXPECT_EQ(image.value().config.stop_signal, "SIGINT");
    EXPECT_EQ(image.value().config.labels.at("one"), "two");
    EXPECT_EQ(image.value().layers.size(), 1u);
    auto const directories = store.layer_directories(image.value());
    EXPECT_EQ(sys::read_file(directories.at(0) + "/page").value(), "first\n");
    EXPECT_TRUE(names("staging").empty());
}

TEST_F(RealImage, is_the_same_from_a_layout_its_tar_and_a_docker_archive)
{
    run({"tar", "cf", root + "/oci.tar", "-C", layout, "."});
    run({"skopeo", "copy", "--insecure-policy", "oci:" + layout + ":web", "docker-archive:" + root + "/docker.tar:web:latest"});
    run({"skopeo", "copy", "--insecure-policy", "oci:" + layout + ":web", "oci-archive:" + root + "/skopeo.tar:web"});
    run({"gzip", "-k", root + "/docker.tar"});
    auto store = open_store();

    auto const from_layout = store.import(layout, "one").value();
    for (const char* archive : {"/oci.tar", "/docker.tar", "/skopeo.tar", "/docker.tar.gz"}) {
        auto const image = store.import(root + archive, "two");
        ASSERT_TRUE(image.ok()) << image.error().message();
        EXPECT_EQ(image.value().layers, from_layout.layers) << archive;
        EXPECT_EQ(image.value().config.entrypoint, from_layout.config.entrypoint);
    }
    EXPECT_EQ(names("layers").size(), 1u) << "the layer is shared";
    EXPECT_EQ(store.list().value().size(), 2u);
}

TEST_F(RealImage, stacks_its_layers_with_whiteouts_and_takes_writes)
{
    run({"umoci", "insert", "--image", layout + ":web", "--whiteout", "/page"});
    auto store = open_store();
    auto const image = store.import(layout, "web").value();
    ASSERT_EQ(image.layers.size(), 2u);

    auto const rootfs = ensure_rootfs(root + "/capsule", store.layer_directories(image));

    ASSERT_TRUE(rootfs.ok()) << rootfs.error().message();
    EXPECT_FALSE(sys::exists(rootfs.value() + "/page"));
    EXPECT_TRUE(sys::exists(rootfs.value() + "/bin/busybox"));
    std::ofstream{rootfs.value() + "/written"} << "x";
    EXPECT_EQ(ensure_rootfs(root + "/capsule", store.layer_directories(image)).value(), rootfs.value()) << "repeatable";
    ASSERT_TRUE(unmount_rootfs(root + "/capsule").ok());
    EXPECT_FALSE(sys::exists(rootfs.value() + "/bin"));
    ASSERT_TRUE(ensure_rootfs(root + "/capsule", store.layer_directories(image)).ok());
    EXPECT_TRUE(sys::exists(rootfs.value() + "/written")) << "what the capsule wrote stays for its next start";
    ASSERT_TRUE(remove_rootfs(root + "/capsule").ok());
    EXPECT_FALSE(sys::exists(root + "/capsule"));
    EXPECT_TRUE(remove_rootfs(root + "/capsule").ok()) << "accepts absence";
}

TEST_F(RealImage, may_have_one_layer_twice)
{
    using test::tar_of;
    auto const first = tar_of({{.name = "a", .content = "first"}, {.name = "b", .content = "first"}});
    test::Layout twice;
    twice.add_layer(first);
    twice.add_layer(tar_of({{.name = "a", .content = "second"}, {.name = ".wh.b"}}));
    twice.add_layer(first);
    twice.blobs.pop_back(); // In an archive it lies once.
    test::write_text(root + "/twice.tar", tar_of(twice.files()));
    auto store = open_store();
    auto const image = store.import(root + "/twice.tar", "twice");
    ASSERT_TRUE(image.ok()) << image.error().message();
    ASSERT_EQ(image.value().layers.size(), 3u);

    auto const rootfs = ensure_rootfs(root + "/capsule", store.layer_directories(image.value()));

    ASSERT_TRUE(rootfs.ok()) << rootfs.error().message();
    EXPECT_EQ(sys::read_file(rootfs.value() + "/a").value(), "first");
    EXPECT_EQ(sys::read_file(rootfs.value() + "/b").value(), "first");
}

TEST_F(RealImage, comes_out_of_the_old_form_of_docker_save)
{
    using test::tar_of;
    auto const layer = tar_of({{.name = "file", .content = "old"}});
    nlohmann::json const config{
        {"os", "linux"},
        {"architecture", "amd64"},
        {"config", {{"Cmd", {"/file"}}}},
        {"rootfs", {{"type", "layers"}, {"diff_ids", {"sha256:" + Sha256::of(layer), "sha256:" + Sha256::of(layer)}}}}};
    auto const config_name = Sha256::of(config.dump()) + ".json";
    nlohmann::json const list{{{"Config", config_name}, {"RepoTags", {"old:v1"}}, {"Layers", {"1/layer.tar", "2/layer.tar"}}}};
    test::write_text(root + "/old.tar", tar_of({{.name = "1/", .type = '5'},
                                                {.name = "1/layer.tar", .content = layer},
                                                {.name = "2/layer.tar", .type = '2', .link = "../1/layer.tar"},
                                                {.name = config_name, .content = config.dump()},
                                                {.name = "manifest.json", .content = list.dump()}}));
    auto store = open_store();

    auto const image = store.import(root + "/old.tar", "old:v1");

    ASSERT_TRUE(image.ok()) << image.error().message();
    EXPECT_EQ(image.value().config.command, std::vector<std::string>{"/file"});
    EXPECT_EQ(sys::read_file(store.layer_directories(image.value()).at(1) + "/file").value(), "old");
    EXPECT_EQ(store.import(root + "/old.tar", "again").value().digest, image.value().digest)
        << "the same content, the same digest";
}

TEST_F(RealImage, is_picked_out_of_an_index_in_an_index)
{
    test::Layout ours, theirs;
    ours.add_layer(test::tar_of({{.name = "ours"}}));
    theirs.config["architecture"] = "arm64";
    theirs.add_layer(test::tar_of({{.name = "theirs"}}));
    auto entry_ours = ours.put_manifest();
    auto entry_theirs = theirs.put_manifest();
    entry_ours["platform"] = {{"os", "linux"}, {"architecture", "amd64"}};
    entry_theirs["platform"] = {{"os", "linux"}, {"architecture", "arm64"}};
    auto const inner = nlohmann::json{{"schemaVersion", 2}, {"manifests", {entry_theirs, entry_ours}}}.dump();
    nlohmann::json const outer{{"schemaVersion", 2},
                               {"manifests", {test::Layout::descriptor("application/vnd.oci.image.index.v1+json", inner)}}};
    test::write_text(root + "/many/index.json", outer.dump());
    test::write_text(root + "/many/blobs/sha256/" + Sha256::of(inner), inner);
    for (const auto& [hex, content] : ours.blobs)
        test::write_text(root + "/many/blobs/sha256/" + hex, content);
    auto store = open_store();

    auto const image = store.import(root + "/many", "many");

    ASSERT_TRUE(image.ok()) << image.error().message();
    EXPECT_TRUE(sys::exists(store.layer_directories(image.value()).at(0) + "/ours"));
}

TEST_F(RealImage, takes_only_what_nobody_else_needs_when_it_is_removed)
{
    auto store = open_store();
    ASSERT_TRUE(store.import(layout, "one").ok());
    ASSERT_TRUE(store.import(layout, "two").ok());

    ASSERT_TRUE(store.remove("one").ok());
    EXPECT_EQ(names("layers").size(), 1u);
    EXPECT_TRUE(store.get("two").ok());
    ASSERT_TRUE(store.remove("two").ok());
    EXPECT_TRUE(names("layers").empty());
    EXPECT_TRUE(names("blobs/sha256").empty());
    EXPECT_TRUE(store.remove("two").ok()) << "accepts absence";
    EXPECT_EQ(store.get("two").error().code(), base::Code::not_found);
}

TEST_F(RealImage, may_have_a_name_that_looks_like_a_temporary)
{
    auto store = open_store();
    for (const auto* name : {"my.new-web:1", "web:1.new-0badcafe"})
        ASSERT_TRUE(store.import(layout, name).ok());

    auto const again = open_store();
    EXPECT_EQ(again.list().value().size(), 2u);
    EXPECT_TRUE(again.get("my.new-web:1").ok()) << "a restart does not take it for a left-over";
    EXPECT_TRUE(again.get("web:1.new-0badcafe").ok());
}

TEST_F(RealImage, is_there_when_its_import_was_killed_after_the_seal)
{
    auto const image = open_store().import(layout, "web").value();
    // Back to the instant before anything was moved: all of it staged and sealed.
    auto const store = root + "/store";
    auto const staged = store + "/staging/sealed";
    ASSERT_TRUE(sys::make_directories(staged).ok());
    std::filesystem::rename(store + "/blobs/sha256", staged + "/blobs");
    std::filesystem::rename(store + "/layers", staged + "/layers");
    std::filesystem::remove(store + "/references/web:latest");
    std::ofstream{staged + "/reference"} << "web:latest\n" << image.digest << "\n";

    auto const found = open_store().get("web");
    ASSERT_TRUE(found.ok()) << found.error().message();
    EXPECT_EQ(found.value().digest, image.digest);
    EXPECT_TRUE(names("staging").empty());
    EXPECT_EQ(names("layers").size(), 1u);
}

TEST_F(RealImage, leaves_the_layers_that_a_capsule_stands_on)
{
    auto store = open_store();
    auto const image = store.import(layout, "web").value();

    auto const using_it = [&] { return Result<std::vector<std::string>>{image.layers}; };
    ASSERT_TRUE(store.remove("web", using_it).ok());
    EXPECT_EQ(names("layers").size(), 1u);
    ASSERT_TRUE(ImageStore::open(root + "/store").ok());
    EXPECT_EQ(names("layers").size(), 1u) << "a restart does not take them away either";
    ASSERT_TRUE(store.collect_garbage(using_it).ok());
    EXPECT_EQ(names("layers").size(), 1u);
    auto const not_known = []() -> Result<std::vector<std::string>> {
        return base::Error{base::Code::unavailable, "the store of objects is gone"};
    };
    EXPECT_FALSE(store.collect_garbage(not_known).ok());
    EXPECT_EQ(names("layers").size(), 1u) << "who does not know what is in use removes nothing";
    ASSERT_TRUE(store.collect_garbage(nothing).ok());
    EXPECT_TRUE(names("layers").empty());
}

TEST_F(RealImage, loses_nothing_to_a_collector_while_it_comes_in)
{
    auto store = open_store();
    auto collector = open_store();
    int busy = 0;
    auto const image = store.import(layout, "web", [&](const ImportProgress&) {
        busy += base::failed_with(collector.collect_garbage(nothing), base::Code::unavailable) ? 1 : 0;
    });
    ASSERT_TRUE(image.ok()) << image.error().message();
    EXPECT_GE(busy, 1) << "it does not wait for the import either";
    ASSERT_TRUE(collector.collect_garbage(nothing).ok());
    EXPECT_TRUE(store.get("web").ok());
    EXPECT_TRUE(sys::exists(store.layer_directories(image.value()).at(0)));
}

} // namespace
} // namespace nova::storage
