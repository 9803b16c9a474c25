#include "keyspace/readers.h"

namespace nova::keyspace {

Result<std::unique_ptr<Readers::Connection>> Readers::borrow()
{
    {
        std::unique_lock lock{mutex_};
        returned_.wait(lock, [this] { return closed_ || busy_ < limits::readers_most; });
        if (closed_)
            return base::Error{base::Code::unavailable, "the store was closed"};
        ++busy_;
        if (!idle_.empty()) {
            auto connection = std::move(idle_.back());
            idle_.pop_back();
            return connection;
        }
    }
    auto connection = connect();
    if (!connection.ok())
        give_back(nullptr);
    return connection;
}

Result<std::unique_ptr<Readers::Connection>> Readers::connect() const
{
    auto database = std::make_unique<sqlite::Database>(TRY(file_.connect_reader()));
    auto history = TRY(History::open(*database));
    return std::make_unique<Connection>(std::move(database), std::move(history));
}

void Readers::give_back(std::unique_ptr<Connection> connection)
{
    std::lock_guard const lock{mutex_};
    --busy_;
    if (connection)
        idle_.push_back(std::move(connection));
    returned_.notify_all();
}

void Readers::close()
{
    std::unique_lock lock{mutex_};
    closed_ = true;
    returned_.notify_all();
    returned_.wait(lock, [this] { return busy_ == 0; });
    idle_.clear();
}

} // namespace nova::keyspace
