#include "keyspace/store_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "keyspace/store_fixture.h"
#include "sys/file.h"

namespace nova::keyspace {
namespace {

using base::Code;
using base::failed_with;

class StoreFileTest : public StoreFixture {
protected:
    void fill(int records)
    {
        for (int i = 0; i < records; ++i)
            ASSERT_TRUE(store().put("/k/" + std::to_string(i), std::string(500, 'v')).ok());
    }

    /// Everything from the log into the database, so that damage to the database is damage to the content.
    void write_log_back()
    {
        close();
        auto database = sqlite::Database::open(path("store.db"), sqlite::Database::Mode::read_write, {}).value();
        ASSERT_TRUE(database.execute("PRAGMA wal_checkpoint(TRUNCATE)").ok());
    }

    void overwrite(const std::string& name, std::streamoff offset, const std::string& text)
    {
        std::fstream file{path(name), std::ios::in | std::ios::out | std::ios::binary};
        file.seekp(offset);
        file << text;
    }

    /// How many descriptors this process has of the file.
    int descriptors_of(const std::string& name) const
    {
        auto const descriptors = std::filesystem::directory_iterator{"/proc/self/fd"};
        return static_cast<int>(std::count_if(begin(descriptors), end(descriptors), [&](const auto& entry) {
            std::error_code gone; // The descriptor that reads the directory.
            return std::filesystem::read_symlink(entry.path(), gone) == path(name);
        }));
    }

    /// Opening says data_loss and what to do next, and changes not a byte of the database or its log.
    void expect_refused()
    {
        auto const content = [&](const std::string& name) { return sys::read_file(path(name)).value_or("(none)"); };
        auto const database = content("store.db");
        auto const log = content("store.db-wal");
        auto const opened = open_keyspace(directory_);
        ASSERT_FALSE(opened.ok());
        EXPECT_EQ(opened.error().code(), Code::data_loss) << opened.error().message();
        EXPECT_NE(opened.error().message().find("backup"), std::string::npos) << opened.error().message();
        EXPECT_TRUE(content("store.db") == database); // Too long to print.
        EXPECT_TRUE(content("store.db-wal") == log);
    }
};

TEST_F(StoreFileTest, is_open_in_one_place_at_a_time)
{
    store();
    EXPECT_TRUE(failed_with(open_keyspace(directory_), Code::unavailable));
    close();
    EXPECT_TRUE(open_keyspace(directory_).ok());
}

TEST_F(StoreFileTest, is_refused_where_its_head_is_damaged)
{
    fill(10);
    close();
    overwrite("store.db", 0, "this is no database");
    expect_refused();
}

TEST_F(StoreFileTest, is_refused_where_a_page_is_damaged)
{
    fill(200);
    write_log_back();
    for (int page = 2; page < 12; ++page)
        overwrite("store.db", page * 4096, std::string(64, '\x5a'));
    expect_refused();
}

// Closing would write the log back into the damaged database.
TEST_F(StoreFileTest, keeps_its_log_where_it_is_refused)
{
    fill(200);
    write_log_back();
    ASSERT_TRUE(store().put("/later", "in the log").ok());
    close();
    for (int page = 4; page < 10; ++page)
        overwrite("store.db", page * 4096, std::string(64, '\x5a'));
    expect_refused();
}

TEST_F(StoreFileTest, is_refused_where_it_was_cut_short)
{
    fill(200);
    write_log_back();
    std::filesystem::resize_file(path("store.db"), 8192);
    expect_refused();
}

TEST_F(StoreFileTest, is_refused_where_it_is_empty)
{
    fill(10);
    close();
    std::filesystem::resize_file(path("store.db"), 0);
    expect_refused();
}

// What was prepared before the failure would keep the file open, and the lock that SQLite holds on it.
TEST_F(StoreFileTest, is_refused_and_let_go_where_a_table_is_missing)
{
    for (const auto* table : {"compaction", "lease"}) {
        fill(1);
        close();
        {
            auto database = sqlite::Database::open(path("store.db"), sqlite::Database::Mode::read_write, {}).value();
            ASSERT_TRUE(database.execute((std::string{"DROP TABLE "} + table).c_str()).ok());
        }
        auto const opened = open_keyspace(directory_);
        ASSERT_FALSE(opened.ok());
        EXPECT_NE(opened.error().message().find(table), std::string::npos) << opened.error().message();
        EXPECT_EQ(descriptors_of("store.db"), 0);
        std::filesystem::remove_all(directory_);
    }
}

TEST_F(StoreFileTest, is_refused_where_only_its_log_is_left)
{
    fill(10);
    close();
    std::filesystem::remove(path("store.db"));
    expect_refused();
}

TEST_F(StoreFileTest, of_another_program_is_refused)
{
    {
        auto database = sqlite::Database::open(path("store.db"), sqlite::Database::Mode::create, {}).value();
        ASSERT_TRUE(database.execute("CREATE TABLE t(x)").ok());
    }
    expect_refused();
}

TEST_F(StoreFileTest, of_a_newer_version_is_refused_as_such)
{
    fill(1);
    close();
    sqlite::Database::open(path("store.db"), sqlite::Database::Mode::read_write, {})
        .value()
        .execute("PRAGMA user_version = 2")
        .value();
    EXPECT_TRUE(failed_with(open_keyspace(directory_), Code::failed_precondition));
}

TEST_F(StoreFileTest, is_made_anew_where_making_it_was_interrupted)
{
    std::ofstream{path("store.db.new")} << "half";
    std::ofstream{path("store.db-wal")} << std::string(1000, '\0');
    fill(1);
    reopen();
    EXPECT_EQ(store().revision(), 1u);
}

TEST_F(StoreFileTest, is_readable_by_its_owner_alone)
{
    std::filesystem::remove(directory_);
    store();
    EXPECT_EQ(std::filesystem::status(directory_).permissions(), std::filesystem::perms::owner_all);
}

} // namespace
} // namespace nova::keyspace
