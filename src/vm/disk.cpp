#include "vm/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>

#include "base/undo.h"
#include "sys/file.h"

/// The format is QEMU's docs/interop/qcow2.txt. All numbers are big-endian.
namespace nova::vm {
namespace {

using base::Bytes;
using base::Code;
using base::Error;

constexpr std::string_view qcow2_magic{"QFI\xfb", 4};
constexpr std::size_t header_length = 104;
constexpr std::uint32_t backing_format_extension = 0xe2792aca;
constexpr std::uint64_t most_name = 1023;

constexpr std::uint64_t cluster_bits = 16;
constexpr std::uint64_t cluster = 1ull << cluster_bits;
/// Four clusters at the front of an overlay: header, refcount table, refcount block, then the L1 table.
constexpr std::uint64_t first_l1_cluster = 3;

/// Incompatible features we know: dirty, corrupt, external data, compression type, extended L2.
constexpr std::uint64_t corrupt_feature = 2;
constexpr std::uint64_t external_data_feature = 4;
constexpr std::uint64_t known_features = 31;

Error refuse(const std::string& path, std::string_view why)
{
    return Error{Code::invalid_argument, "image " + path + ": " + std::string{why}};
}

std::uint64_t number_at(std::string_view text, std::size_t offset, std::size_t width)
{
    std::uint64_t number = 0;
    for (auto const byte : text.substr(offset, width))
        number = number << 8 | static_cast<unsigned char>(byte);
    return number;
}

void put(std::string& text, std::size_t offset, std::uint64_t number, std::size_t width)
{
    for (std::size_t i = 0; i < width; ++i)
        text[offset + i] = static_cast<char>(number >> (8 * (width - 1 - i)));
}

/// An image that is open, and what stat(2) tells of it.
struct OpenImage {
    sys::UniqueFd fd;
    std::uint64_t length = 0;
};

Result<OpenImage> open_image(const std::string& path)
{
    // Non-blocking: a FIFO in an image's place must not hold us.
    OpenImage image{TRY(sys::open_file(path, O_RDONLY | O_NONBLOCK)), 0};
    struct stat info {};
    if (::fstat(image.fd.get(), &info) < 0)
        return Error::from_errno("stat " + path);
    if (!S_ISREG(info.st_mode))
        return refuse(path, "is no regular file");
    image.length = static_cast<std::uint64_t>(info.st_size);
    return image;
}

Result<std::string> read_at(const OpenImage& image, std::uint64_t offset, std::size_t length)
{
    std::string text(length, '\0');
    auto const count = ::pread(image.fd.get(), text.data(), length, static_cast<off_t>(offset));
    if (count < 0)
        return Error::from_errno("read the header");
    text.resize(static_cast<std::size_t>(count));
    return text;
}

Status check_header(const std::string& path, std::string_view header)
{
    auto const version = number_at(header, 4, 4);
    if (version != 2 && version != 3)
        return refuse(path, "qcow2 of version " + std::to_string(version));
    auto const bits = number_at(header, 20, 4);
    if (bits < 9 || bits > 21)
        return refuse(path, "qcow2 with an impossible cluster size");
    if (number_at(header, 24, 8) > INT64_MAX)
        return refuse(path, "qcow2 with an impossible size");
    if (number_at(header, 32, 4) != 0)
        return refuse(path, "is encrypted");
    auto const features = version == 2 ? 0 : number_at(header, 72, 8);
    if ((features & external_data_feature) != 0)
        return refuse(path, "keeps its data in another file, which could be any file of this host");
    if ((features & corrupt_feature) != 0)
        return refuse(path, "is marked corrupt: repair it with qemu-img check -r all");
    if ((features & ~known_features) != 0)
        return refuse(path, "needs features of qcow2 that are not known");
    return base::done();
}

Result<DiskImage> read_qcow2(const std::string& path, const OpenImage& image, const std::string& start)
{
    if (start.size() < 72 || (number_at(start, 4, 4) >= 3 && start.size() < header_length))
        return refuse(path, "qcow2 with its header cut off");
    TRY(check_header(path, start));
    DiskImage found{DiskFormat::qcow2, Bytes{number_at(start, 24, 8)}, {}};
    auto const offset = number_at(start, 8, 8);
    if (offset == 0)
        return found;
    auto const length = number_at(start, 16, 4);
    if (length == 0 || length > most_name || offset > image.length || image.length - offset < length)
        return refuse(path, "qcow2 with an impossible backing file name");
    found.backing = TRY(read_at(image, offset, length));
    return found;
}

bool named_raw(const std::string& path) { return path.ends_with(".raw") || path.ends_with(".img"); }

Result<DiskImage> probe(const std::string& path)
{
    auto const image = TRY(open_image(path));
    auto const start = TRY(read_at(image, 0, header_length).context(path));
    if (start.starts_with(qcow2_magic)) {
        if (path.ends_with(".raw"))
            return refuse(path, "is named .raw, but begins like a qcow2");
        return read_qcow2(path, image, start);
    }
    if (!named_raw(path))
        return refuse(path, "is no qcow2; a raw image must be named .raw or .img");
    if (image.length == 0)
        return refuse(path, "is empty");
    return DiskImage{DiskFormat::raw, Bytes{(image.length + 511) / 512 * 512}, {}};
}

/// Where things lie in a new overlay.
struct Layout {
    std::uint64_t l1_entries;
    std::uint64_t clusters; ///< Of the whole file.
};

Result<Layout> lay_out(Bytes size)
{
    // One entry of L1 stands for one cluster of L2 entries (8 bytes each), each of which stands for a cluster.
    auto const per_l1_entry = cluster * (cluster / 8);
    Layout layout{(size.count + per_l1_entry - 1) / per_l1_entry, 0};
    if (layout.l1_entries > (32ull << 20) / 8)
        return Error{Code::invalid_argument, "a disk of " + to_string(size) + " is more than qcow2 can hold"};
    layout.clusters = first_l1_cluster + (layout.l1_entries * 8 + cluster - 1) / cluster;
    return layout;
}

std::string make_header(const std::string& backing, DiskFormat backing_format, Bytes size, const Layout& layout)
{
    std::string header(header_length, '\0');
    header.replace(0, 4, qcow2_magic);
    put(header, 4, 3, 4);
    put(header, 20, cluster_bits, 4);
    put(header, 24, size.count, 8);
    put(header, 36, layout.l1_entries, 4);
    put(header, 40, first_l1_cluster * cluster, 8);
    put(header, 48, cluster, 8); // Refcount table
    put(header, 56, 1, 4);       // of one cluster.
    put(header, 96, 4, 4);       // Refcounts of 2^4 bits.
    put(header, 100, header_length, 4);

    std::string extensions(8, '\0');
    auto const format = std::string{to_string(backing_format)};
    put(extensions, 0, backing_format_extension, 4);
    put(extensions, 4, format.size(), 4);
    extensions += format;
    extensions.resize((extensions.size() + 7) / 8 * 8);
    extensions.append(8, '\0'); // End of extensions.

    put(header, 8, header.size() + extensions.size(), 8);
    put(header, 16, backing.size(), 4);
    return header + extensions + backing;
}

Status write_at(int fd, std::uint64_t offset, std::string_view text)
{
    while (!text.empty()) {
        auto const count = ::pwrite(fd, text.data(), text.size(), static_cast<off_t>(offset));
        if (count < 0 && errno != EINTR)
            return Error::from_errno("write");
        if (count > 0) {
            text.remove_prefix(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        }
    }
    return base::done();
}

Status write_overlay(int fd, const std::string& header, const Layout& layout)
{
    TRY(write_at(fd, 0, header));
    std::string table(8, '\0');
    put(table, 0, 2 * cluster, 8);
    TRY(write_at(fd, cluster, table));
    std::string counts(2 * layout.clusters, '\0');
    for (std::uint64_t i = 0; i < layout.clusters; ++i)
        put(counts, 2 * i, 1, 2);
    TRY(write_at(fd, 2 * cluster, counts));
    if (::ftruncate(fd, static_cast<off_t>(layout.clusters * cluster)) < 0)
        return Error::from_errno("grow");
    if (::fsync(fd) < 0)
        return Error::from_errno("fsync");
    return base::done();
}

} // namespace

std::string_view to_string(DiskFormat format) { return format == DiskFormat::raw ? "raw" : "qcow2"; }

Result<DiskImage> probe_base_image(const std::string& path)
{
    auto image = TRY(probe(path));
    if (!image.backing.empty())
        return refuse(path, "builds on another file, which could be any file of this host; flatten it with qemu-img convert");
    return image;
}

Result<DiskImage> probe_overlay(const std::string& path)
{
    auto image = TRY(probe(path));
    if (image.format != DiskFormat::qcow2)
        return refuse(path, "is no qcow2");
    return image;
}

Status create_overlay(const std::string& path, const std::string& base_path, const DiskImage& base_image, Bytes size)
{
    auto const whole = size.count == 0 ? base_image.size : Bytes{(size.count + 511) / 512 * 512};
    if (whole < base_image.size)
        return Error{Code::invalid_argument,
                     "disk size " + to_string(size) + " is less than the image's " + to_string(base_image.size)};
    if (base_path.size() > most_name)
        return Error{Code::invalid_argument, "path of the image is too long for a qcow2: " + base_path};
    auto const layout = TRY(lay_out(whole));

    auto const temporary = path + ".new";
    TRY(sys::remove_file(temporary));
    auto const fd = TRY(sys::open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    base::Undo undo;
    undo.add([&] { (void)sys::remove_file(temporary); });
    TRY(write_overlay(fd.get(), make_header(base_path, base_image.format, whole, layout), layout).context(temporary));
    // link(2), not rename(2): a disk that is there is never replaced.
    if (::link(temporary.c_str(), path.c_str()) < 0)
        return Error::from_errno("create disk " + path);
    return base::done();
}

} // namespace nova::vm
