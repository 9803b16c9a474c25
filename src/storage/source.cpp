#include "storage/source.h"

#include <fcntl.h>

#include <map>

#include "storage/archive.h"
#include "storage/digest.h"
#include "storage/limits.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "sys/resolve.h"

namespace nova::storage {

using base::Code;
using base::Error;

namespace {

/// Copies a stream into a new file.
Result<Measured> pour(const Pull& pull, const std::string& target)
{
    auto const file = TRY(sys::open_file(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    Sha256 sum;
    std::uint64_t size = 0;
    while (true) {
        auto const piece = TRY(pull());
        if (piece.empty())
            return Measured{sum.take_hex(), size};
        size += piece.size();
        if (size > limits::image_bytes)
            return Error{Code::resource_exhausted, "more than " + std::to_string(limits::image_bytes) + " bytes"};
        sum.add(piece);
        TRY(sys::write_all(file.get(), piece));
    }
}

class DirectorySource : public Source {
public:
    DirectorySource(sys::Directory root, Told told) : root_(std::move(root)), told_(std::move(told)) {}

    bool has(const std::string& name) const override { return open(name).ok(); }

    Result<std::string> read(const std::string& name) const override
    {
        auto const file = TRY(open(name));
        return sys::read_all(file.get(), limits::json_bytes).context(name);
    }

    Result<Measured> put(const std::string& name, const std::string& target) const override
    {
        auto const file = TRY(open(name));
        auto const total = TRY(sys::size_of(file.get()).context(name));
        return pour(pull_from(file.get(), [&](std::uint64_t done) { told_(done, total); }), target).context(name);
    }

private:
    Result<sys::UniqueFd> open(const std::string& name) const
    {
        // Not to hang on a fifo that someone put there.
        return sys::open_beneath(root_.fd(), TRY(clean_path(name).context(in_quotes(name))), O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    }

    sys::Directory root_;
    Told told_;
};

/// An archive's files lie in `scratch` under numbers; their names are only keys here, and name no path of ours.
class ArchiveSource : public Source {
public:
    explicit ArchiveSource(std::string scratch) : scratch_(std::move(scratch)) {}

    Status take_apart(int fd, const Told& told);

    bool has(const std::string& name) const override { return find(name).ok(); }

    Result<std::string> read(const std::string& name) const override
    {
        return sys::read_file(TRY(find(name))->path, limits::json_bytes).context(in_quotes(name));
    }

    Result<Measured> put(const std::string& name, const std::string& target) const override
    {
        auto const* file = TRY(find(name));
        // A link, as the same layer may be asked for twice. All is removed together.
        TRY(sys::link_to_free(file->path, target));
        return file->measured;
    }

private:
    struct File {
        std::string path;
        Measured measured;
    };

    Status add(const TarEntry& entry, TarReader& tar);
    Result<const File*> find(const std::string& name) const;

    std::string scratch_;
    std::map<std::string, File> files_;
    std::map<std::string, std::string> links_; ///< docker save links a layer that it has twice.
    std::uint64_t bytes_ = 0;
};

/// Where a link beside `name` leads to; "" where it leaves the archive.
std::string resolved(const std::string& name, const std::string& target)
{
    auto const path = (std::filesystem::path{name}.parent_path() / target).lexically_normal().string();
    auto const clean = clean_path(path);
    return clean.ok() ? clean.value() : "";
}

Status ArchiveSource::take_apart(int fd, const Told& told)
{
    Utf8Names const utf8;
    auto const total = TRY(sys::size_of(fd));
    Decompressor plain{pull_from(fd, [&](std::uint64_t done) { told(done, total); }), total};
    TarReader tar{[&plain] { return plain.next(); }};
    while (auto const entry = TRY(tar.next()))
        TRY(add(*entry, tar).context("entry " + in_quotes(entry->path)));
    if (files_.empty())
        return Error{Code::invalid_argument, "no files in it"};
    return base::done();
}

Status ArchiveSource::add(const TarEntry& entry, TarReader& tar)
{
    auto const name = TRY(clean_path(entry.path));
    if (entry.kind == EntryKind::directory)
        return base::done();
    if (files_.size() + links_.size() >= limits::archive_files)
        return Error{Code::resource_exhausted, "more than " + std::to_string(limits::archive_files) + " files"};
    if (files_.contains(name) || links_.contains(name))
        return Error{Code::invalid_argument, "appears twice"};
    if (entry.kind == EntryKind::symlink || entry.kind == EntryKind::hard_link) {
        links_[name] = entry.kind == EntryKind::symlink ? resolved(name, entry.link_target) : TRY(clean_path(entry.link_target));
        return base::done();
    }
    if (entry.kind != EntryKind::regular)
        return Error{Code::invalid_argument, "is neither a file nor a link"};
    if (entry.size > limits::image_bytes - bytes_)
        return Error{Code::resource_exhausted, "more than " + std::to_string(limits::image_bytes) + " bytes in the archive"};
    bytes_ += entry.size;

    auto const path = scratch_ + "/" + std::to_string(files_.size());
    auto const file = TRY(sys::open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    Sha256 sum;
    std::uint64_t written = 0;
    TRY(tar.read_content([&](std::string_view bytes, std::uint64_t offset) -> Status {
        if (offset != written)
            return Error{Code::invalid_argument, "is a sparse file"};
        written += bytes.size();
        sum.add(bytes);
        return sys::write_all(file.get(), bytes);
    }));
    if (written != entry.size)
        return Error{Code::invalid_argument, "is a sparse file"};
    files_[name] = File{path, {sum.take_hex(), written}};
    return base::done();
}

Result<const ArchiveSource::File*> ArchiveSource::find(const std::string& name) const
{
    constexpr int most_links = 8;
    auto now = TRY(clean_path(name).context(in_quotes(name)));
    for (int i = 0; i < most_links; ++i) {
        if (auto const file = files_.find(now); file != files_.end())
            return &file->second;
        auto const link = links_.find(now);
        if (link == links_.end())
            break;
        now = link->second;
    }
    return Error{Code::not_found, "the archive has no file " + in_quotes(name)};
}

} // namespace

Result<std::unique_ptr<Source>> open_source(const std::string& path, const std::string& scratch, const Told& told)
{
    auto const file = TRY(sys::open_file(path, O_RDONLY | O_NONBLOCK));
    if (auto directory = sys::Directory::open(path + "/."); directory.ok())
        return std::unique_ptr<Source>{std::make_unique<DirectorySource>(std::move(directory).value(), told)};
    auto archive = std::make_unique<ArchiveSource>(scratch);
    TRY(archive->take_apart(file.get(), told).context("read " + path));
    return std::unique_ptr<Source>{std::move(archive)};
}

} // namespace nova::storage
