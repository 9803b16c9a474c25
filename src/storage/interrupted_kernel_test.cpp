#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <random>
#include <thread>

#include "base/abort_guard_testing.h"
#include "storage/images.h"
#include "storage/rootfs.h"
#include "storage/test_archives.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::storage {
namespace {

using test::Layout;
using test::tar_of;

/// Not a test: what the test below starts and kills. Imports and removes two images for ever.
TEST(ImporterThatIsKilled, DISABLED_runs)
{
    std::string const root = std::getenv("NOVA_TEST_ROOT");
    auto store = ImageStore::open(root + "/store").value();
    for (int round = 0;; ++round) {
        ASSERT_TRUE(store.import(root + "/one", "changing").ok());
        ASSERT_TRUE(store.import(root + "/two.tar", round % 2 == 0 ? "changing" : "second").ok());
        ASSERT_TRUE(store.remove("changing").ok());
    }
}

std::vector<test::Entry> files(const std::string& content)
{
    std::vector<test::Entry> entries;
    for (int i = 0; i < 200; ++i)
        entries.push_back({.name = "d" + std::to_string(i % 10) + "/f" + std::to_string(i), .content = content});
    return entries;
}

void expect_whole(const ImageStore& store, const StoredImage& image)
{
    for (const auto& layer : store.layer_directories(image))
        for (const auto& file : files(""))
            EXPECT_TRUE(sys::exists(layer + "/" + file.name)) << image.reference << " " << layer;
}

TEST(ImageStore, is_whole_after_a_kill_at_any_moment)
{
    auto const root = testing::TempDir() + "nova-killed-" + sys::random_hex(8);
    base::AbortGuard const guard{root};
    Layout one, two;
    one.add_layer(tar_of(files("shared")));
    one.write(root + "/one");
    two.add_layer(tar_of(files("shared")));
    two.add_layer(tar_of(files("second")));
    test::write_text(root + "/two.tar", tar_of(two.files()));
    {
        auto store = ImageStore::open(root + "/store").value();
        ASSERT_TRUE(store.import(root + "/one", "kept").ok());
    }
    std::mt19937 random{testing::UnitTest::GetInstance()->random_seed() + 1u};

    for (int round = 0; round < 30; ++round) {
        sys::ChildSpec importer{.program = "/proc/self/exe",
                                .argv = {"importer", "--gtest_also_run_disabled_tests", "--gtest_filter=ImporterThatIsKilled.*"},
                                .env = std::vector<std::string>{"NOVA_TEST_ROOT=" + root, "PATH=/usr/bin:/bin"}};
        auto child = sys::spawn(importer);
        ASSERT_TRUE(child.ok()) << child.error().message();
        std::this_thread::sleep_for(std::chrono::microseconds{20000 + random() % 200000});
        ASSERT_TRUE(child.value().signal(SIGKILL).ok());
        ASSERT_TRUE(child.value().wait(base::Deadline::after(std::chrono::seconds{60})).ok());

        auto store = ImageStore::open(root + "/store");
        ASSERT_TRUE(store.ok()) << store.error().message();
        EXPECT_TRUE(sys::list_directory(root + "/store/staging").value().empty());
        auto const references = sys::list_directory(root + "/store/references").value();
        auto const images = store.value().list().value();
        EXPECT_EQ(images.size(), references.size()) << "every reference is an image that can be read";
        EXPECT_TRUE(store.value().get("kept").ok());
        for (const auto& image : images)
            expect_whole(store.value(), image);
    }
    auto store = ImageStore::open(root + "/store").value();
    for (const char* name : {"changing", "second", "kept"})
        EXPECT_TRUE(store.remove(name).ok());
    EXPECT_TRUE(sys::list_directory(root + "/store/layers").value().empty());
    EXPECT_TRUE(sys::list_directory(root + "/store/blobs/sha256").value().empty());
    std::filesystem::remove_all(root);
}

TEST(ImageStore, tells_how_far_an_import_is)
{
    auto const root = testing::TempDir() + "nova-progress-" + sys::random_hex(8);
    base::AbortGuard const guard{root};
    Layout layout;
    layout.add_layer(tar_of({{.name = "big", .content = std::string(1u << 20, 'x')}}));
    test::write_text(root + "/image.tar", tar_of(layout.files()));
    std::map<std::string, ImportProgress> last;
    auto store = ImageStore::open(root + "/store").value();

    ASSERT_TRUE(store
                    .import(root + "/image.tar", "big",
                            [&](const ImportProgress& progress) {
                                EXPECT_GE(progress.done_bytes, last[progress.step].done_bytes);
                                EXPECT_LE(progress.done_bytes, progress.total_bytes);
                                last[progress.step] = progress;
                            })
                    .ok());

    EXPECT_EQ(last.at("read").done_bytes, last.at("read").total_bytes);
    EXPECT_EQ(last.at("unpack layer 1 of 1").done_bytes, last.at("unpack layer 1 of 1").total_bytes);
    std::filesystem::remove_all(root);
}

} // namespace
} // namespace nova::storage
