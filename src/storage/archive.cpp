#include "storage/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <clocale>
#include <unistd.h>

#include <limits>
#include <vector>

#include "base/strings.h"
#include "storage/limits.h"

namespace nova::storage {

using base::Code;
using base::Error;

namespace {

constexpr std::size_t piece_bytes = 128u << 10;

/// A libarchive reader over a Pull. libarchive keeps the address, so it never moves.
struct Reader {
    explicit Reader(Pull from) : pull(std::move(from)) {}
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() { archive_read_free(handle); }

    Status open();
    Error failed(const char* doing);

    struct archive* handle = archive_read_new();
    Pull pull;
    bool pull_ended = false;
    std::optional<Error> pull_error; ///< The cause of a failed callback, which libarchive cannot carry.
    bool opened = false;
};

la_ssize_t read_piece(struct archive* handle, void* data, const void** buffer)
{
    auto& reader = *static_cast<Reader*>(data);
    auto piece = reader.pull();
    if (!piece.ok()) {
        archive_set_error(handle, EIO, "read failed");
        reader.pull_error = std::move(piece).take_error();
        return -1;
    }
    reader.pull_ended = piece.value().empty();
    *buffer = piece.value().data();
    return static_cast<la_ssize_t>(piece.value().size());
}

Status Reader::open()
{
    if (std::exchange(opened, true))
        return base::done();
    if (archive_read_open(handle, this, nullptr, read_piece, nullptr) != ARCHIVE_OK)
        return failed("open the archive");
    return base::done();
}

Error Reader::failed(const char* doing)
{
    if (pull_error)
        return *pull_error;
    auto const* text = archive_error_string(handle);
    return Error{Code::invalid_argument, std::string{doing} + ": " + (text == nullptr ? "damaged" : text)};
}

} // namespace

Pull pull_from(int fd, std::function<void(std::uint64_t)> told)
{
    return [fd, told = std::move(told), buffer = std::make_shared<std::vector<char>>(piece_bytes),
            done = std::uint64_t{0}]() mutable -> Result<std::string_view> {
        auto const count = ::pread(fd, buffer->data(), buffer->size(), static_cast<off_t>(done));
        if (count < 0)
            return Error::from_errno("read");
        done += static_cast<std::uint64_t>(count);
        if (told)
            told(done);
        return std::string_view{buffer->data(), static_cast<std::size_t>(count)};
    };
}

Utf8Names::Utf8Names() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(nullptr)
{
    if (locale_ != nullptr)
        before_ = uselocale(static_cast<locale_t>(locale_));
}

Utf8Names::~Utf8Names()
{
    if (locale_ == nullptr)
        return;
    uselocale(static_cast<locale_t>(before_));
    freelocale(static_cast<locale_t>(locale_));
}

struct Decompressor::State {
    State(Pull packed, std::uint64_t packed_bytes)
        : reader(std::move(packed)), most(packed_bytes * limits::expansion + limits::expansion_free), buffer(piece_bytes)
    {
        archive_read_support_filter_gzip(reader.handle);
        archive_read_support_filter_zstd(reader.handle);
        archive_read_support_format_raw(reader.handle);
        archive_read_support_format_empty(reader.handle);
    }

    Reader reader;
    Sha256 sum;
    std::uint64_t most;
    std::uint64_t done = 0;
    std::vector<char> buffer;
    bool started = false;
    bool ended = false;
};

Decompressor::Decompressor(Pull packed, std::uint64_t packed_bytes)
    : state_(std::make_unique<State>(std::move(packed), packed_bytes))
{}
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor::~Decompressor() = default;

Result<std::string_view> Decompressor::next()
{
    auto& state = *state_;
    TRY(state.reader.open());
    if (!std::exchange(state.started, true)) {
        struct archive_entry* entry = nullptr;
        auto const answer = archive_read_next_header(state.reader.handle, &entry);
        state.ended = answer == ARCHIVE_EOF; // An empty file.
        if (answer != ARCHIVE_OK && answer != ARCHIVE_EOF)
            return state.reader.failed("decompress");
    }
    if (state.ended)
        return std::string_view{};
    auto const count = archive_read_data(state.reader.handle, state.buffer.data(), state.buffer.size());
    if (count < 0)
        return state.reader.failed("decompress");
    state.ended = count == 0;
    std::string_view const piece{state.buffer.data(), static_cast<std::size_t>(count)};
    state.done += piece.size();
    if (state.done > state.most)
        return Error{Code::resource_exhausted, "expands to more than " + std::to_string(limits::expansion) + " times its size"};
    state.sum.add(piece);
    return piece;
}

Result<std::string> Decompressor::take_sum()
{
    while (!TRY(next()).empty()) {
    }
    return state_->sum.take_hex();
}

namespace {

EntryKind kind_of(struct archive_entry* entry)
{
    if (archive_entry_hardlink(entry) != nullptr)
        return EntryKind::hard_link;
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return EntryKind::regular;
    case AE_IFDIR: return EntryKind::directory;
    case AE_IFLNK: return EntryKind::symlink;
    case AE_IFIFO: return EntryKind::fifo;
    case AE_IFCHR:
    case AE_IFBLK: return EntryKind::device;
    default: return EntryKind::other;
    }
}

/// Of what an image may set: "user." and file capabilities. Never "trusted.", with which one steers the overlay.
bool is_wanted_xattr(std::string_view name)
{
    return name == "security.capability" || (name.starts_with("user.") && !name.starts_with("user.overlay."));
}

Status read_xattrs(struct archive_entry* entry, sys::FileAttributes& attributes)
{
    archive_entry_xattr_reset(entry);
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
        if (name == nullptr || !is_wanted_xattr(name))
            continue;
        if (attributes.xattrs.size() >= limits::xattrs || size > limits::xattr_bytes)
            return Error{Code::resource_exhausted, "more or larger extended attributes than 64 of 64 KiB"};
        attributes.xattrs.emplace_back(name, std::string{static_cast<const char*>(value), size});
    }
    return base::done();
}

Result<std::uint32_t> owner_id(la_int64_t id)
{
    if (id < 0 || id >= std::numeric_limits<std::uint32_t>::max()) // The last one means "leave as it is" to chown(2).
        return Error{Code::invalid_argument, "owner " + std::to_string(id) + " is no 32 bit number"};
    return static_cast<std::uint32_t>(id);
}

Result<TarEntry> describe(struct archive_entry* entry)
{
    auto const* path = archive_entry_pathname(entry);
    if (path == nullptr)
        return Error{Code::invalid_argument, "entry without a name"};
    TarEntry found{.path = path, .kind = kind_of(entry), .size = 0, .link_target = {}, .attributes = {}};
    auto const* target = found.kind == EntryKind::hard_link ? archive_entry_hardlink(entry) : archive_entry_symlink(entry);
    found.link_target = target == nullptr ? "" : target;
    auto const size = archive_entry_size(entry);
    if (size < 0)
        return Error{Code::invalid_argument, "entry " + in_quotes(found.path) + ": negative size"};
    found.size = static_cast<std::uint64_t>(size);
    found.attributes.uid = TRY(owner_id(archive_entry_uid(entry)).context(in_quotes(found.path)));
    found.attributes.gid = TRY(owner_id(archive_entry_gid(entry)).context(in_quotes(found.path)));
    found.attributes.mode = archive_entry_perm(entry) & 07777;
    found.attributes.modified = {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
    TRY(read_xattrs(entry, found.attributes).context(in_quotes(found.path)));
    return found;
}

} // namespace

struct TarReader::State {
    explicit State(Pull plain) : reader(std::move(plain))
    {
        archive_read_support_format_tar(reader.handle);
        archive_read_support_format_empty(reader.handle);
    }
    Reader reader;
    std::uint64_t size = 0; ///< Of the entry's content.
    bool ended = false;
};

TarReader::TarReader(Pull plain) : state_(std::make_unique<State>(std::move(plain))) {}
TarReader::TarReader(TarReader&&) noexcept = default;
TarReader::~TarReader() = default;

Result<std::optional<TarEntry>> TarReader::next()
{
    auto& reader = state_->reader;
    TRY(reader.open());
    if (state_->ended)
        return std::optional<TarEntry>{};
    struct archive_entry* entry = nullptr;
    auto const answer = archive_read_next_header(reader.handle, &entry);
    if (answer == ARCHIVE_EOF)
        return std::optional<TarEntry>{};
    // A warning: a name that is no UTF-8. We take names as bytes.
    if (answer != ARCHIVE_OK && answer != ARCHIVE_WARN)
        return reader.failed("read the tar");
    auto described = TRY(describe(entry));
    state_->size = described.size;
    return std::optional<TarEntry>{std::move(described)};
}

Status TarReader::read_content(const Sink& sink)
{
    auto& reader = state_->reader;
    std::uint64_t end = 0;
    while (true) {
        const void* data = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        auto const answer = archive_read_data_block(reader.handle, &data, &size, &offset);
        // umoci insert (0.4) ends its tar right after the last byte of the last file, without filling the block.
        state_->ended = answer == ARCHIVE_FATAL && reader.pull_ended && end == state_->size;
        if (answer == ARCHIVE_EOF || state_->ended)
            return base::done();
        if (answer != ARCHIVE_OK && answer != ARCHIVE_WARN)
            return reader.failed("read the tar");
        end = static_cast<std::uint64_t>(offset) + size;
        TRY(sink({static_cast<const char*>(data), size}, static_cast<std::uint64_t>(offset)));
    }
}

Result<std::string> clean_path(std::string_view path)
{
    auto const refuse = [](const char* why) { return Error{Code::invalid_argument, why}; };
    if (path.empty())
        return refuse("empty name");
    if (path.front() == '/' && path.find_first_not_of('/') != std::string_view::npos) // umoci writes the root itself as "/".
        return refuse("absolute path");
    if (path.size() > limits::path_bytes)
        return refuse("path of more than 4095 bytes");
    std::string clean;
    std::size_t depth = 0;
    for (const auto& part : base::split(path, '/')) {
        if (part.empty() || part == ".")
            continue;
        if (part == "..")
            return refuse("\"..\" in the path");
        if (part.size() > limits::name_bytes || ++depth > limits::path_depth)
            return refuse("name of more than 255 bytes, or more than 200 names in the path");
        clean += (clean.empty() ? "" : "/") + part;
    }
    return clean;
}

} // namespace nova::storage
