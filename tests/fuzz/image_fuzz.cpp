// Manifests, indexes and configs of images, as strangers write them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string_view const text{reinterpret_cast<const char*>(data), size};
    if (auto const index = nova::storage::parse_index(text); index.ok())
        (void)nova::storage::choose(index.value(), "web:latest");
    if (auto const images = nova::storage::parse_docker_manifest(text); images.ok())
        (void)nova::storage::choose(images.value(), "web:latest");
    if (auto const manifest = nova::storage::parse_manifest(text); manifest.ok())
        (void)nova::storage::parse_manifest(nova::storage::write_manifest(manifest.value())).value(); // Reads what it writes.
    (void)nova::storage::parse_image_record(text);
    return 0;
}
