#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/archive.h"
#include "sys/directory.h"

namespace nova::storage {

/// Writes the entries of one layer below a directory, one by one, in the order of the tar.
class LayerWriter {
public:
    explicit LayerWriter(sys::Directory root) : root_(std::move(root)) {}

    /// `content` gives the bytes of a regular file. Errors: name the entry.
    Status add(const TarEntry& entry, TarReader& content);

    /// Sets what had to wait until nothing changes any more: the times of directories.
    Status finish();

private:
    struct Place {
        std::string above; ///< Path of the directory, "" for the root.
        std::string name;
    };

    enum class Below { shown, hidden }; ///< What layers below have in a directory of the same name.

    Status add_at(const Place& place, const TarEntry& entry, TarReader& content);
    Status add_whiteout(const Place& place);
    Status add_root(const TarEntry& entry);
    /// Takes away a whiteout of the same name, which was meant for the layers below. Errors: invalid_argument - the name is
    /// taken.
    Result<Below> make_free(const sys::Directory& above, const std::string& name, EntryKind kind);
    Status make_regular(const sys::Directory& above, const std::string& name, const TarEntry& entry, TarReader& content);
    Status make_directory(const sys::Directory& above, const Place& place, const TarEntry& entry, Below below);
    Status make_symlink(const sys::Directory& above, const std::string& name, const TarEntry& entry);
    Status make_fifo(const sys::Directory& above, const std::string& name, const TarEntry& entry);
    Status make_hard_link(const sys::Directory& above, const std::string& name, const TarEntry& entry);

    /// Tars go through one directory after the other, so the last one is kept open.
    Result<const sys::Directory*> directory(const std::string& path);
    Result<sys::Directory> ensure_directory(const std::string& path); ///< For a tar that leaves out parents.
    Status remember_time(const std::string& path, const sys::FileAttributes& attributes);

    sys::Directory root_;
    std::optional<sys::Directory> last_;
    std::string last_path_;
    std::vector<std::pair<std::string, timespec>> directories_; ///< With the time each shall have at the end.
    std::size_t directory_bytes_ = 0;
    std::size_t entries_ = 0;
    std::uint64_t bytes_ = 0;
};

} // namespace nova::storage
