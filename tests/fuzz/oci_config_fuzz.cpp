// config.json comes from whoever made the bundle.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/must.h"
#include "model/oci_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string const text{reinterpret_cast<const char*>(data), size};
    auto const whole = nova::model::oci::parse_config(text);
    auto const without_profile = nova::model::oci::parse_config(text, nova::model::oci::needs_no_seccomp);
    nova::base::must(!whole.ok() || without_profile.ok(), "what is right is right without its profile");
    (void)nova::model::oci::parse_process(text);
    (void)nova::model::oci::parse_resources(text);
    return 0;
}
