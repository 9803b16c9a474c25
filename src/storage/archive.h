#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/digest.h"
#include "sys/directory.h"

/// Reading of archives that strangers made. libarchive takes the bytes apart; nothing here writes a file.
namespace nova::storage {

/// Gives the next piece of a stream, empty at its end. The piece is valid until the next call.
using Pull = std::function<Result<std::string_view>()>;

/// Reads a file from its start; says how far it got.
Pull pull_from(int fd, std::function<void(std::uint64_t done_bytes)> told = {});

/// While it lives, this thread reads names as UTF-8, which libarchive takes from the locale; other threads keep theirs. Without
/// it a pax header's names can't be converted, and libarchive warns and gives their bytes, which is as well: it only costs time.
/// So a host that has no such locale gets the same files.
class Utf8Names {
public:
    Utf8Names();
    Utf8Names(const Utf8Names&) = delete;
    Utf8Names& operator=(const Utf8Names&) = delete;
    ~Utf8Names();

private:
    void* locale_;
    void* before_;
};

/// Takes off gzip or zstd, or nothing where there is none, and sums up what comes out.
class Decompressor {
public:
    /// Refuses more than limits::expansion allows for `packed_bytes`.
    Decompressor(Pull packed, std::uint64_t packed_bytes);
    Decompressor(Decompressor&&) noexcept;
    ~Decompressor();

    /// Errors: invalid_argument - damaged or truncated; resource_exhausted - expands too much; those of `packed`.
    Result<std::string_view> next();

    /// Reads what is left, and returns the SHA-256 of all that came out.
    Result<std::string> take_sum();

private:
    struct State;
    std::unique_ptr<State> state_;
};

enum class EntryKind { regular, directory, symlink, hard_link, fifo, device, other };

struct TarEntry {
    std::string path; ///< As it stands there.
    EntryKind kind = EntryKind::other;
    std::uint64_t size = 0;
    std::string link_target; ///< Of symbolic and hard links.
    sys::FileAttributes attributes;
};

/// One tar after another entry; any of its dialects.
class TarReader {
public:
    explicit TarReader(Pull plain);
    TarReader(TarReader&&) noexcept;
    ~TarReader();

    /// Empty at the end. Errors: invalid_argument - damaged, truncated; those of `plain`.
    Result<std::optional<TarEntry>> next();

    using Sink = std::function<Status(std::string_view bytes, std::uint64_t offset)>;
    /// The content of the entry that next() gave last; leaves out the holes of a sparse file.
    Status read_content(const Sink& sink);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A path from an archive without "./", "//" and a trailing "/"; "" is the root itself.
/// Errors: invalid_argument - empty, absolute, with "..", or longer than limits say.
Result<std::string> clean_path(std::string_view path);

} // namespace nova::storage
