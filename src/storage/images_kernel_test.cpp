#include "storage/images.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <fstream>

#include "storage/rootfs.h"
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
};

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

TEST_F(RealImage, leaves_the_layers_that_a_capsule_stands_on)
{
    auto store = open_store();
    auto const image = store.import(layout, "web").value();

    ASSERT_TRUE(store.remove("web", image.layers).ok());
    EXPECT_EQ(names("layers").size(), 1u);
    ASSERT_TRUE(ImageStore::open(root + "/store").ok());
    EXPECT_EQ(names("layers").size(), 1u) << "a restart does not take them away either";
    ASSERT_TRUE(store.collect_garbage({}).ok());
    EXPECT_TRUE(names("layers").empty());
}

} // namespace
} // namespace nova::storage
