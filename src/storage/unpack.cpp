#include "storage/unpack.h"

#include <fcntl.h>

#include "storage/archive.h"
#include "storage/layer_writer.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace nova::storage {

Result<std::string> unpack_layer(const std::string& blob, const std::string& root, std::function<void(std::uint64_t)> told)
{
    Utf8Names const utf8;
    auto const file = TRY(sys::open_file(blob, O_RDONLY | O_NOFOLLOW));
    auto const size = TRY(sys::size_of(file.get()));
    Decompressor plain{pull_from(file.get(), std::move(told)), size};
    TarReader tar{[&plain] { return plain.next(); }};
    LayerWriter writer{TRY(sys::Directory::open(root))};
    while (auto const entry = TRY(tar.next()))
        TRY(writer.add(*entry, tar));
    TRY(writer.finish());
    // A tar may go on after its end; the digest covers that too.
    return plain.take_sum();
}

} // namespace nova::storage
