#include "keyspace/gathering_vfs.h"

#include <gtest/gtest.h>

#include "keyspace/sqlite.h"
#include "keyspace/store_fixture.h"

namespace nova::keyspace {
namespace {

using sqlite::Database;

class GatheringVfs : public StoreFixture {
protected:
    Database open(const std::string& vfs)
    {
        auto database = Database::open(path("t.db"), Database::Mode::create, vfs).value();
        database
            .execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = 10;"
                     "CREATE TABLE IF NOT EXISTS t(x)")
            .value();
        return database;
    }
};

TEST_F(GatheringVfs, writes_what_another_connection_reads)
{
    auto writer = open(gathering_vfs({}));
    auto reader = open({});
    for (int i = 1; i <= 50; ++i) {
        writer.execute("INSERT INTO t VALUES (zeroblob(3000))").value();
        EXPECT_EQ(reader.integer("SELECT count(*) FROM t").value(), i);
    }
    EXPECT_EQ(reader.text("PRAGMA integrity_check").value(), "ok");
}

// One write of 128 KiB or more fails in SQLite's unix VFS as if the disk were full.
TEST_F(GatheringVfs, writes_transactions_larger_than_one_write_and_the_page_cache)
{
    {
        auto writer = open(gathering_vfs({}));
        writer.execute("INSERT INTO t SELECT zeroblob(1000000) FROM (VALUES (1), (2), (3), (4))").value();
        writer.execute("BEGIN; INSERT INTO t SELECT zeroblob(1000000) FROM t; UPDATE t SET x = zeroblob(500000); ROLLBACK")
            .value();
        EXPECT_EQ(writer.integer("SELECT sum(length(x)) FROM t").value(), 4'000'000);
        writer.execute("UPDATE t SET x = zeroblob(500000); PRAGMA wal_checkpoint(TRUNCATE)").value();
    }
    auto reader = open({});
    EXPECT_EQ(reader.integer("SELECT sum(length(x)) FROM t").value(), 2'000'000);
    EXPECT_EQ(reader.text("PRAGMA integrity_check").value(), "ok");
}

TEST_F(GatheringVfs, lies_over_another_vfs_only_where_that_exists)
{
    EXPECT_EQ(gathering_vfs("unix"), gathering_vfs("unix"));
    EXPECT_FALSE(Database::open(path("t.db"), Database::Mode::create, gathering_vfs("none")).ok());
}

} // namespace
} // namespace nova::keyspace
