// Options of a mount, as a configuration names them.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/must.h"
#include "base/strings.h"
#include "runtime/mount_options.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string const text{reinterpret_cast<const char*>(data), size};
    auto const options = nova::runtime::parse_mount_options(nova::base::split(text, ','));
    if (!options.ok())
        return 0;
    // What is asked for and taken back at once would be refused by the kernel, long after it could have been said.
    nova::base::must((options.value().set & options.value().clear & ~std::uint64_t{0x70}) == 0, "an option is set and cleared");
    for (const auto& [key, value] : options.value().data)
        nova::base::must(!key.empty(), "an option of the file system has a name");
    return 0;
}
