#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/abort_guard_testing.h"
#include "storage/images.h"
#include "storage/limits.h"
#include "storage/test_archives.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::storage {
namespace {

using base::Code;
using test::Entry;
using test::Layout;
using test::tar_of;

/// Every name, kind, size and content below a directory.
std::vector<std::string> everything_in(const std::string& directory)
{
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{directory}) {
        struct stat status {};
        ::lstat(entry.path().c_str(), &status);
        found.push_back(entry.path().string() + " " + std::to_string(status.st_mode) + " " + std::to_string(status.st_nlink) +
                        " " + std::to_string(status.st_uid) +
                        (entry.is_regular_file() ? " " + Sha256::of(sys::read_file(entry.path()).value()) : ""));
    }
    std::sort(found.begin(), found.end());
    return found;
}

class HostileImage : public testing::Test {
protected:
    void SetUp() override
    {
        test::write_text(root + "/victim", "untouched");
        test::write_text(root + "/store/victim", "untouched");
        store.emplace(ImageStore::open(root + "/store").value());
        before = everything_in(root);
    }
    void TearDown() override { std::filesystem::remove_all(root); }

    /// Imports, expects that it is refused and says `part`, and that no file of ours or of others is there or has changed.
    void expect_refused(const std::string& source, const std::string& part, Code code = Code::invalid_argument)
    {
        auto const image = store->import(source, "hostile");
        std::filesystem::remove_all(source);
        ASSERT_FALSE(image.ok()) << "accepted, but expected: " << part;
        EXPECT_EQ(image.error().code(), code) << image.error().message();
        EXPECT_NE(image.error().message().find(part), std::string::npos) << image.error().message();
        auto after = everything_in(root);
        std::erase_if(after, [](const std::string& line) { return line.find("/store/lock ") != std::string::npos; });
        auto known = before;
        std::erase_if(known, [](const std::string& line) { return line.find("/store/lock ") != std::string::npos; });
        EXPECT_EQ(after, known);
    }
    void expect_refused(Layout layout, const std::string& part, Code code = Code::invalid_argument)
    {
        layout.write(root + "/source");
        expect_refused(root + "/source", part, code);
    }
    void expect_layer_refused(const std::vector<Entry>& entries, const std::string& part, Code code = Code::invalid_argument)
    {
        Layout layout;
        layout.add_layer(tar_of(entries));
        expect_refused(layout, part, code);
    }
    std::string import_layer(const std::vector<Entry>& entries)
    {
        Layout layout;
        layout.add_layer(tar_of(entries));
        layout.write(root + "/source");
        auto const image = store->import(root + "/source", "good");
        std::filesystem::remove_all(root + "/source");
        EXPECT_TRUE(image.ok()) << image.error().message();
        return image.ok() ? store->layer_directories(image.value()).at(0) : "";
    }

    std::string root = testing::TempDir() + "nova-hostile-" + sys::random_hex(8);
    std::optional<ImageStore> store;
    std::vector<std::string> before;
    base::AbortGuard const guard{root};
};

TEST_F(HostileImage, does_not_leave_the_layer_by_its_names)
{
    expect_layer_refused({{.name = "../victim", .content = "bad"}}, "entry \"../victim\": \"..\" in the path");
    expect_layer_refused({{.name = "a/../../victim", .content = "bad"}}, "entry \"a/../../victim\"");
    expect_layer_refused({{.name = "/victim", .content = "bad"}}, "entry \"/victim\": absolute path");
    expect_layer_refused({{.name = "//victim", .content = "bad"}}, "absolute path");
    expect_layer_refused({{.name = "a/..", .type = '5'}}, "\"..\" in the path");
    expect_layer_refused({{.name = "pax", .content = "x", .pax = {{"path", "../victim"}}}}, "entry \"../victim\"");
    expect_layer_refused({{.name = ".", .content = "x"}}, "the root must be a directory");
}

TEST_F(HostileImage, does_not_leave_the_layer_through_its_own_links)
{
    expect_layer_refused({{.name = "out", .type = '2', .link = "../../../.."}, {.name = "out/victim", .content = "bad"}},
                         "entry \"out/victim\"");
    expect_layer_refused({{.name = "out", .type = '2', .link = root}, {.name = "out/victim", .content = "bad"}},
                         "entry \"out/victim\"");
    expect_layer_refused(
        {{.name = "in", .type = '5'}, {.name = "way", .type = '2', .link = "in"}, {.name = "way/file", .content = "x"}},
        "entry \"way/file\"");
    expect_layer_refused({{.name = "v", .type = '2', .link = root + "/victim"}, {.name = "v", .content = "bad"}},
                         "entry \"v\": appears twice");
    expect_layer_refused({{.name = "d", .type = '2', .link = root}, {.name = "d", .type = '5', .mode = 0777}},
                         "entry \"d\": appears twice");
    expect_layer_refused({{.name = "d", .type = '2', .link = root}, {.name = "d/.wh.victim"}}, "entry \"d/.wh.victim\"");
    expect_layer_refused({{.name = "d", .type = '2', .link = root}, {.name = "d/.wh..wh..opq"}}, "entry \"d/.wh..wh..opq\"");
}

TEST_F(HostileImage, links_no_file_that_is_not_its_own)
{
    expect_layer_refused({{.name = "a", .type = '1', .link = "../../../../victim"}},
                         "entry \"a\": hard link to \"../../../../victim\"");
    expect_layer_refused({{.name = "a", .type = '1', .link = root + "/victim"}}, "absolute path");
    expect_layer_refused({{.name = "a", .type = '1', .link = "missing"}}, "there is no such file in this layer");
    expect_layer_refused({{.name = "a", .type = '1', .link = "."}}, "there is no such file in this layer");
    expect_layer_refused({{.name = "d", .type = '5'}, {.name = "a", .type = '1', .link = "d"}},
                         "there is no such file in this layer");
    expect_layer_refused({{.name = "out", .type = '2', .link = root}, {.name = "a", .type = '1', .link = "out/victim"}},
                         "entry \"a\": hard link to \"out/victim\"");
    expect_layer_refused({{.name = ".wh.gone"}, {.name = "a", .type = '1', .link = "gone"}},
                         "there is no such file in this layer");
}

TEST_F(HostileImage, brings_no_devices)
{
    expect_layer_refused({{.name = "dev/sda", .type = '4'}}, "entry \"dev/sda\": is a device");
    expect_layer_refused({{.name = "dev/null", .type = '3'}}, "entry \"dev/null\": is a device");
}

TEST_F(HostileImage, says_everything_once)
{
    expect_layer_refused({{.name = "a", .content = "1"}, {.name = "a", .content = "2"}}, "entry \"a\": appears twice");
    expect_layer_refused({{.name = "a", .content = "1"}, {.name = "./a", .type = '5'}}, "entry \"./a\": appears twice");
    expect_layer_refused({{.name = "a", .type = '5'}, {.name = "a", .content = "1"}}, "entry \"a\": appears twice");
    expect_layer_refused({{.name = "a", .content = "1"}, {.name = "a/b", .content = "1"}}, "entry \"a/b\"");
    expect_layer_refused({{.name = ".wh.a"}, {.name = ".wh.a"}}, "entry \".wh.a\": appears twice");
    expect_layer_refused({{.name = ".wh."}}, "a whiteout of nothing");
    expect_layer_refused({{.name = "d/.wh..."}}, "a whiteout of nothing");
}

TEST_F(HostileImage, has_no_endless_names)
{
    std::string deep;
    for (std::size_t i = 0; i <= limits::path_depth; ++i)
        deep += "d/";
    expect_layer_refused({{.name = "x", .content = "x", .pax = {{"path", deep + "f"}}}}, "200 names in the path");
    expect_layer_refused({{.name = "x", .content = "x", .pax = {{"path", std::string(256, 'n')}}}},
                         "name of more than 255 bytes");
    expect_layer_refused({{.name = "x", .content = "x", .pax = {{"path", std::string(5000, '/') + "n"}}}}, "absolute path");
    expect_layer_refused({{.name = "x", .type = '2', .link = "", .pax = {{"linkpath", std::string(5000, 'l')}}}}, "4095 bytes");
}

TEST_F(HostileImage, has_the_content_that_its_digests_say)
{
    auto const tar = tar_of({{.name = "a", .content = "x"}});
    Layout wrong_blob;
    wrong_blob.add_layer(tar);
    wrong_blob.blobs.back().second[0] ^= 1;
    expect_refused(wrong_blob, "has another digest");

    Layout longer;
    longer.add_layer(tar);
    longer.blobs.back().second += "more";
    expect_refused(longer, "bytes, not");

    Layout shorter;
    shorter.add_layer(tar);
    shorter.blobs.back().second.resize(600);
    expect_refused(shorter, "bytes, not");

    Layout wrong_diff_id;
    wrong_diff_id.add_layer(tar, tar + "x");
    expect_refused(wrong_diff_id, "the config says sha256:");

    Layout missing;
    missing.add_layer(tar);
    missing.blobs.clear();
    expect_refused(missing, "layer sha256:", Code::not_found);

    Layout more_diff_ids;
    more_diff_ids.add_layer(tar);
    more_diff_ids.config["rootfs"]["diff_ids"].push_back("sha256:" + Sha256::of("x"));
    expect_refused(more_diff_ids, "the config speaks of 2 layers, the manifest of 1");

    Layout other_machine;
    other_machine.add_layer(tar);
    other_machine.config["architecture"] = "arm64";
    expect_refused(other_machine, "the image is for \"linux/arm64\"");

    Layout odd_digest;
    odd_digest.add_layer(tar);
    odd_digest.manifest["layers"][0]["digest"] = "sha256:../../../../victim";
    expect_refused(odd_digest, "no digest of the form");

    Layout odd_type;
    odd_type.add_layer(tar);
    odd_type.manifest["layers"][0]["mediaType"] = "application/x-evil";
    expect_refused(odd_type, "layers[0].mediaType: is of no known kind: \"application/x-evil\"");
}

TEST_F(HostileImage, has_the_manifest_and_the_config_that_their_digests_say)
{
    for (const std::string part : {"config", "manifest"}) { // As long as before, and as valid.
        Layout changed;
        changed.add_layer(tar_of({{.name = "a", .content = "x"}}));
        changed.config["author"] = "config of one";
        changed.manifest["author"] = "manifest of one";
        changed.write(root + "/source");
        for (const auto& name : sys::list_directory(root + "/source/blobs/sha256").value()) {
            auto const path = root + "/source/blobs/sha256/" + name;
            auto text = sys::read_file(path).value();
            if (auto const at = text.find(part + " of one"); at != std::string::npos)
                test::write_text(path, text.replace(at, part.size() + 7, part + " of two"));
        }
        expect_refused(root + "/source", "the content has another digest");
    }
}

TEST_F(HostileImage, is_whole)
{
    auto const whole = tar_of({{.name = "a", .content = std::string(5000, 'x')}});
    for (std::size_t const size : {100u, 512u, 513u, 700u, 5511u}) {
        Layout truncated;
        truncated.add_layer(whole.substr(0, size));
        expect_refused(truncated, "layer sha256:");
    }
    Layout good;
    good.add_layer(whole);
    auto const archive = tar_of(good.files());
    for (std::size_t const size : {0u, 100u, 512u, 600u, 1024u, 1600u, 4000u, 8000u}) {
        test::write_text(root + "/source", archive.substr(0, size));
        auto const image = store->import(root + "/source", "hostile");
        ASSERT_FALSE(image.ok()) << size;
        expect_refused(root + "/source", "import ", image.error().code());
    }
    test::write_text(root + "/source", std::string(100000, 'x'));
    expect_refused(root + "/source", "read " + root + "/source");
}

TEST_F(HostileImage, has_an_archive_that_is_as_honest_as_its_layers)
{
    auto const refuse = [&](std::vector<Entry> entries, const std::string& part) {
        Layout good;
        good.add_layer(tar_of({{.name = "a"}}));
        for (auto& file : good.files())
            entries.push_back(file);
        test::write_text(root + "/source", tar_of(entries));
        expect_refused(root + "/source", part);
    };
    refuse({{.name = "../victim", .content = "bad"}}, "entry \"../victim\"");
    refuse({{.name = "/victim", .content = "bad"}}, "entry \"/victim\"");
    refuse({{.name = "index.json", .content = "{}"}}, "entry \"index.json\": appears twice");
    refuse({{.name = "null", .type = '3'}}, "entry \"null\": is neither a file nor a link");
    refuse({{.name = "h", .type = '1', .link = "../../victim"}}, "entry \"h\"");
}

TEST_F(HostileImage, reads_no_file_through_a_link_of_its_archive_or_directory)
{
    nlohmann::json const list{{{"Config", "c.json"}, {"RepoTags", {"a:b"}}, {"Layers", {"l.tar"}}}};
    for (const auto& target : {root + "/victim", std::string{"../../../victim"}, std::string{"c.json"}}) {
        test::write_text(root + "/source", tar_of({{.name = "manifest.json", .content = list.dump()},
                                                   {.name = "c.json", .type = '2', .link = target}}));
        expect_refused(root + "/source", "the archive has no file \"c.json\"", Code::not_found);
    }
    Layout layout;
    layout.add_layer(tar_of({{.name = "a"}}));
    layout.write(root + "/source");
    std::filesystem::remove(root + "/source/index.json");
    std::filesystem::create_symlink(root + "/victim", root + "/source/index.json");
    expect_refused(root + "/source", "neither an OCI layout");
    layout.write(root + "/source");
    std::filesystem::remove(root + "/source/index.json");
    ASSERT_EQ(::mkfifo((root + "/source/index.json").c_str(), 0600), 0);
    expect_refused(root + "/source", "index.json");
}

TEST_F(HostileImage, does_not_blow_up)
{
    // 360 MiB of zeros in 360 KiB.
    Layout bomb;
    auto const zeros = tar_of({{.name = "zeros", .content = std::string(360u << 20, '\0')}});
    test::write_text(root + "/zeros", zeros);
    sys::RunSpec gzip;
    gzip.child.program = sys::find_program("gzip").value();
    gzip.child.argv = {"gzip", "-9", root + "/zeros"};
    ASSERT_TRUE(sys::run_child_that_succeeds(gzip).ok());
    auto const packed = sys::read_file(root + "/zeros.gz").value();
    std::filesystem::remove(root + "/zeros.gz");
    bomb.add_layer(packed, zeros);
    expect_refused(bomb, "expands to more than 250 times its size", Code::resource_exhausted);
}

TEST_F(HostileImage, does_not_claim_more_space_than_there_is)
{
    expect_layer_refused({{.name = "huge",
                           .content = test::padded("1\n0\n1\n") + "x",
                           .pax = {{"GNU.sparse.major", "1"},
                                   {"GNU.sparse.minor", "0"},
                                   {"GNU.sparse.realsize", "9223372036854775807"},
                                   {"GNU.sparse.name", "huge"}}}},
                         "entry \"huge\"", Code::resource_exhausted);
}

TEST_F(HostileImage, sets_no_attribute_that_steers_the_overlay)
{
    auto const layer = import_layer({{.name = "d",
                                      .type = '5',
                                      .mode = 0755,
                                      .pax = {{"SCHILY.xattr.trusted.overlay.opaque", "y"},
                                              {"SCHILY.xattr.trusted.overlay.redirect", "/etc"},
                                              {"SCHILY.xattr.user.overlay.opaque", "y"},
                                              {"SCHILY.xattr.user.note", "kept"}}}});
    char value[16]{};
    EXPECT_LT(::getxattr((layer + "/d").c_str(), "trusted.overlay.opaque", value, sizeof value), 0);
    EXPECT_LT(::getxattr((layer + "/d").c_str(), "trusted.overlay.redirect", value, sizeof value), 0);
    EXPECT_LT(::getxattr((layer + "/d").c_str(), "user.overlay.opaque", value, sizeof value), 0);
    EXPECT_EQ(::getxattr((layer + "/d").c_str(), "user.note", value, sizeof value), 4);
}

TEST_F(HostileImage, may_have_names_that_are_no_text)
{
    expect_layer_refused({{.name = "../\x1b[2J\xff"}}, "entry \"../\\x1b[2J\\xff\"");
    auto const layer = import_layer({{.name = "caf\xe9\x01\n", .content = "latin"},
                                     {.name = "pax", .content = "pax", .pax = {{"path", "\xff\xfe/\xc3\xa9"}}}});
    EXPECT_EQ(sys::read_file(layer + "/caf\xe9\x01\n").value(), "latin");
    EXPECT_EQ(sys::read_file(layer + "/\xff\xfe/\xc3\xa9").value(), "pax");
}

} // namespace
} // namespace nova::storage
