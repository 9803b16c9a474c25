#include "storage/layer_writer.h"

#include "base/strings.h"
#include "storage/limits.h"

namespace nova::storage {

using base::Code;
using base::Error;
using sys::Directory;
using sys::FileKind;

namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view opaque_name = ".wh..wh..opq";
constexpr std::string_view reserved_prefix = ".wh..wh."; // Of AUFS, from which OCI took them; tools leave them out.

Error refused(const std::string& why) { return Error{Code::invalid_argument, why}; }

bool is_reserved(const std::string& path)
{
    return path.starts_with(reserved_prefix) || path.find("/" + std::string{reserved_prefix}) != std::string::npos;
}

} // namespace

Status LayerWriter::add(const TarEntry& entry, TarReader& content)
{
    auto const doing = "entry " + in_quotes(entry.path);
    if (++entries_ > limits::layer_entries)
        return Error{Code::resource_exhausted, doing + ": more than " + std::to_string(limits::layer_entries) + " entries"};
    auto const path = TRY(clean_path(entry.path).context(doing));
    if (path.empty())
        return add_root(entry).context(doing);
    auto const cut = path.rfind('/');
    Place const place{cut == std::string::npos ? "" : path.substr(0, cut),
                      cut == std::string::npos ? path : path.substr(cut + 1)};
    if (place.name == opaque_name)
        return TRY(directory(place.above).context(doing))->make_opaque().context(doing);
    if (is_reserved(path))
        return base::done();
    if (place.name.starts_with(whiteout_prefix))
        return add_whiteout(place).context(doing);
    return add_at(place, entry, content).context(doing);
}

Result<const Directory*> LayerWriter::directory(const std::string& path)
{
    if (path.empty())
        return &root_;
    if (!last_ || last_path_ != path) {
        last_.reset();
        auto there = root_.beneath(path);
        if (!there.ok())
            there = ensure_directory(path).context("the way there leads through no directory");
        last_.emplace(TRY(std::move(there)));
        last_path_ = path;
    }
    return &*last_;
}

Result<Directory> LayerWriter::ensure_directory(const std::string& path)
{
    auto now = TRY(root_.beneath(""));
    for (const auto& name : base::split(path, '/')) {
        auto const kind = TRY(now.kind_of(name));
        if (!kind || *kind == FileKind::whiteout) {
            auto const below = TRY(make_free(now, name, EntryKind::directory));
            TRY(now.make_directory(name, 0755));
            now = TRY(now.beneath(name));
            if (below == Below::hidden)
                TRY(now.make_opaque());
        } else {
            now = TRY(now.beneath(name));
        }
    }
    return now;
}

Status LayerWriter::add_root(const TarEntry& entry)
{
    if (entry.kind != EntryKind::directory)
        return refused("the root must be a directory");
    TRY(sys::apply_attributes(root_.fd(), entry.attributes));
    return remember_time("", entry.attributes);
}

Status LayerWriter::add_whiteout(const Place& place)
{
    auto const name = place.name.substr(whiteout_prefix.size());
    if (name.empty() || name == "." || name == "..")
        return refused("a whiteout of nothing");
    auto const& above = *TRY(directory(place.above));
    auto const there = TRY(above.kind_of(name));
    if (!there)
        return above.make_whiteout(name);
    // This layer has the name itself: the whiteout speaks of the layers below, which a directory would else show through.
    if (*there == FileKind::directory)
        return TRY(above.beneath(name)).make_opaque();
    return *there == FileKind::whiteout ? refused("appears twice") : base::done();
}

Result<LayerWriter::Below> LayerWriter::make_free(const Directory& above, const std::string& name, EntryKind kind)
{
    auto const there = TRY(above.kind_of(name));
    if (!there || (*there == FileKind::directory && kind == EntryKind::directory))
        return Below::shown;
    if (*there != FileKind::whiteout)
        return refused("appears twice");
    TRY(above.remove(name));
    return Below::hidden;
}

Status LayerWriter::add_at(const Place& place, const TarEntry& entry, TarReader& content)
{
    if (entry.kind == EntryKind::device)
        return refused("is a device; images bring none");
    if (entry.kind == EntryKind::other)
        return refused("is of a kind that no image has");
    auto const& above = *TRY(directory(place.above));
    auto const below = TRY(make_free(above, place.name, entry.kind));
    switch (entry.kind) {
    case EntryKind::directory: return make_directory(above, place, entry, below);
    case EntryKind::symlink: return make_symlink(above, place.name, entry);
    case EntryKind::hard_link: return make_hard_link(above, place.name, entry);
    case EntryKind::fifo: return make_fifo(above, place.name, entry);
    default: return make_regular(above, place.name, entry, content);
    }
}

Status LayerWriter::make_regular(const Directory& above, const std::string& name, const TarEntry& entry, TarReader& content)
{
    if (entry.size > limits::layer_bytes - bytes_)
        return Error{Code::resource_exhausted,
                     "the layer unpacks to more than " + std::to_string(limits::layer_bytes) + " bytes"};
    bytes_ += entry.size;
    auto const file = TRY(above.create_file(name));
    TRY(content.read_content([&](std::string_view bytes, std::uint64_t offset) -> Status {
        if (offset > entry.size || bytes.size() > entry.size - offset)
            return refused("has more content than it says");
        return sys::write_all_at(file.get(), bytes, offset);
    }));
    TRY(sys::set_size(file.get(), entry.size)); // The end of a sparse file may be a hole.
    return sys::apply_attributes(file.get(), entry.attributes);
}

Status LayerWriter::make_directory(const Directory& above, const Place& place, const TarEntry& entry, Below below)
{
    auto made = above.make_directory(place.name, 0700);
    if (!made.ok() && made.error().code() != Code::already_exists)
        return made;
    auto const directory = TRY(above.beneath(place.name));
    TRY(sys::apply_attributes(directory.fd(), entry.attributes));
    if (below == Below::hidden)
        TRY(directory.make_opaque());
    return remember_time(place.above.empty() ? place.name : place.above + "/" + place.name, entry.attributes);
}

Status LayerWriter::make_symlink(const Directory& above, const std::string& name, const TarEntry& entry)
{
    if (entry.link_target.empty() || entry.link_target.size() > limits::path_bytes)
        return refused("symbolic link to nothing, or to more than 4095 bytes");
    TRY(above.make_symlink(name, entry.link_target));
    return above.apply_attributes_to(name, FileKind::symlink, entry.attributes);
}

Status LayerWriter::make_fifo(const Directory& above, const std::string& name, const TarEntry& entry)
{
    TRY(above.make_fifo(name));
    return above.apply_attributes_to(name, FileKind::fifo, entry.attributes);
}

Status LayerWriter::make_hard_link(const Directory& above, const std::string& name, const TarEntry& entry)
{
    auto const doing = "hard link to " + in_quotes(entry.link_target);
    auto const target = TRY(clean_path(entry.link_target).context(doing));
    auto const cut = target.rfind('/');
    auto const from = TRY(root_.beneath(cut == std::string::npos ? "" : target.substr(0, cut)).context(doing));
    auto const from_name = cut == std::string::npos ? target : target.substr(cut + 1);
    auto const kind = from_name.empty() ? std::nullopt : TRY(from.kind_of(from_name).context(doing));
    if (!kind || (*kind != FileKind::regular && *kind != FileKind::symlink && *kind != FileKind::fifo))
        return refused(doing + ": there is no such file in this layer");
    return above.link(from, from_name, name).context(doing);
}

Status LayerWriter::remember_time(const std::string& path, const sys::FileAttributes& attributes)
{
    directory_bytes_ += path.size();
    if (directory_bytes_ > limits::directory_path_bytes)
        return Error{Code::resource_exhausted, "more names of directories than 64 MiB"};
    directories_.emplace_back(path, attributes.modified);
    return base::done();
}

Status LayerWriter::finish()
{
    last_.reset();
    for (const auto& [path, modified] : directories_) {
        auto const directory = TRY(root_.beneath(path).context("directory " + in_quotes(path)));
        TRY(sys::set_modified(directory.fd(), modified).context("directory " + in_quotes(path)));
    }
    return base::done();
}

} // namespace nova::storage
