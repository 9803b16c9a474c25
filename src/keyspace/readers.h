#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "keyspace/history.h"
#include "keyspace/store_file.h"

namespace nova::keyspace {

/// Connections that only read, opened as they are needed. In WAL mode they neither wait for the writer nor hold it up.
class Readers {
public:
    explicit Readers(const StoreFile& file) : file_(file) {}

    /// Runs `use(History&)` with a connection of its own; waits where readers_most are busy. Errors: unavailable - closed.
    template <typename Use>
    auto with(Use&& use) -> decltype(use(std::declval<History&>()))
    {
        auto connection = TRY(borrow());
        auto result = use(connection->history);
        give_back(std::move(connection));
        return result;
    }

    /// Waits for those that read, and closes all.
    void close();

private:
    struct Connection {
        std::unique_ptr<sqlite::Database> database;
        History history; ///< After the database it uses.
    };
    Result<std::unique_ptr<Connection>> borrow();
    Result<std::unique_ptr<Connection>> connect() const;
    void give_back(std::unique_ptr<Connection> connection);

    const StoreFile& file_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Connection>> idle_;
    std::size_t busy_ = 0;
    bool closed_ = false;
};

} // namespace nova::keyspace
