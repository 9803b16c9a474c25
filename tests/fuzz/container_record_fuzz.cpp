// What nb reads back: its own record, and mount options of a configuration.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/strings.h"
#include "runtime/mount_options.h"
#include "runtime/state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string const text{reinterpret_cast<const char*>(data), size};
    (void)nova::runtime::parse_record(text);
    (void)nova::runtime::parse_mount_options(nova::base::split(text, ','));
    return 0;
}
