#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/abort_guard_testing.h"
#include "keyspace/sqlite_keyspace.h"

namespace nova::keyspace {

/// A store in a directory of its own, gone after the test.
class StoreFixture : public ::testing::Test {
protected:
    StoreFixture()
    {
        auto pattern = (std::filesystem::temp_directory_path() / "nova-keyspace-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~StoreFixture() override
    {
        store_.reset();
        std::filesystem::remove_all(directory_);
    }

    Keyspace& store()
    {
        if (!store_)
            reopen();
        return *store_;
    }

    void reopen() { reopen(StoreOptions{}); }
    void reopen(const StoreOptions& options)
    {
        store_.reset();
        store_ = open_sqlite_keyspace(directory_, options).value();
    }
    void close() { store_.reset(); }

    std::string path(const std::string& name) const { return directory_ + "/" + name; }

    std::string directory_;
    std::unique_ptr<Keyspace> store_;
    base::AbortGuard const guard_{[this] { base::AbortGuard::remove(directory_); }};
};

} // namespace nova::keyspace
