#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace nova::keyspace {

/// For tests: a VFS of SQLite that passes everything on to the system's, and remembers what the disk would hold after a power
/// loss: the content at the last sync, and each write since, of which any part may have arrived.
class PowerLossVfs {
public:
    static PowerLossVfs& instance(); ///< Registers it.
    static std::string name() { return instance(), "nova-power-loss"; }

    /// Writes to `copy` what is left of each file opened through us under `directory`: what was synced, and a random choice of
    /// the sectors written since.
    void lose_power(const std::string& directory, const std::string& copy, unsigned seed);

    /// Calls `action` just before the nth write, truncation or sync from now takes effect. 0: never.
    void stop_at(unsigned nth, std::function<void()> action);

    struct Operation {
        std::size_t offset = 0;
        std::string data;
        bool truncates = false; ///< To `offset`.
    };
    struct FileState {
        std::string durable;
        std::vector<Operation> pending;
    };

    void opened(const std::string& path);
    void changed(const std::string& path, Operation operation);
    void synced(const std::string& path);
    void removed(const std::string& path); ///< Taken as durable at once.
    void before_effect();

private:
    PowerLossVfs();

    std::mutex mutex_;
    std::map<std::string, FileState> files_;
    unsigned until_stop_ = 0;
    std::function<void()> action_;
};

} // namespace nova::keyspace
