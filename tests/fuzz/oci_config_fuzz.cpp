// config.json comes from whoever made the bundle.
#include <cstddef>
#include <cstdint>
#include <string>

#include "model/oci_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string const text{reinterpret_cast<const char*>(data), size};
    (void)nova::model::oci::parse_config(text);
    (void)nova::model::oci::parse_process(text);
    (void)nova::model::oci::parse_resources(text);
    return 0;
}
