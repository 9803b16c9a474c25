#include "runtime/seccomp_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/abort_guard_testing.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::runtime {
namespace {

namespace fs = std::filesystem;

class SeccompCacheTest : public testing::Test {
protected:
    void TearDown() override { fs::remove_all(directory); }

    fs::path file() const
    {
        return fs::directory_iterator { directory } -> path();
    }

    static std::string code_of(const SeccompFilter* filter) { return filter ? filter->code : "nothing"; }

    fs::path directory = fs::temp_directory_path() / ("nova-cache-" + sys::random_hex(8));
    SeccompCache cache{directory.string()};
    base::AbortGuard const guard{[this] { base::AbortGuard::remove(directory); }};
};

TEST_F(SeccompCacheTest, gives_back_what_was_kept_for_the_very_text)
{
    EXPECT_EQ(cache.find("{}"), nullptr);
    cache.keep("{}", {.code = std::string{"a\0b", 3}, .flags = 5});
    cache.keep("{ }", {.code = "other", .wants_listener = true});
    SeccompCache later{directory.string()};
    const auto* const found = later.find("{}");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->code, (std::string{"a\0b", 3}));
    EXPECT_EQ(found->flags, 5u);
    EXPECT_FALSE(found->wants_listener);
    EXPECT_EQ(later.find("{}"), found) << "once more";
    EXPECT_TRUE(later.find("{ }")->wants_listener);
    EXPECT_EQ(code_of(later.find("{}")).size(), 3u);
    EXPECT_EQ(later.find("{  }"), nullptr);
}

TEST_F(SeccompCacheTest, trusts_no_file_that_others_may_write)
{
    cache.keep("{}", {.code = "kept"});
    EXPECT_EQ(code_of(cache.find("{}")), "kept");
    ASSERT_EQ(::chmod(file().c_str(), 0620), 0);
    EXPECT_EQ(SeccompCache{directory.string()}.find("{}"), nullptr);
    ASSERT_EQ(::chmod(file().c_str(), 0600), 0);
    EXPECT_EQ(code_of(SeccompCache{directory.string()}.find("{}")), "kept");
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root gives files away";
    ASSERT_EQ(::chown(file().c_str(), 1, 0), 0);
    EXPECT_EQ(SeccompCache{directory.string()}.find("{}"), nullptr);
}

TEST_F(SeccompCacheTest, takes_no_file_of_another_text_or_version_nor_a_damaged_one)
{
    cache.keep("{}", {.code = "kept"});
    auto const content = sys::read_file(file().string()).value();
    auto const look_at = [&](const std::string& changed) {
        std::ofstream{file()} << changed;
        return code_of(SeccompCache{directory.string()}.find("{}"));
    };
    EXPECT_EQ(look_at(content), "kept");
    for (std::size_t length = 0; length < content.size(); ++length)
        EXPECT_EQ(look_at(content.substr(0, length)), "nothing") << length;
    for (std::size_t at = 0; at < content.size(); ++at) {
        auto changed = content;
        changed[at] = '\1';
        EXPECT_EQ(look_at(changed), "nothing") << at;
    }
}

} // namespace
} // namespace nova::runtime
