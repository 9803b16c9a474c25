#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/must.h"
#include "model/registry.h"

/// What is read can be written and read back; JSON that we accept is bounded too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace nova;
    std::string_view const text{reinterpret_cast<const char*>(data), size};
    (void)model::parse_json(text).ok();
    auto const documents = model::parse_yaml_documents(text);
    if (!documents.ok())
        return 0;
    for (const auto& document : documents.value()) {
        auto const written = model::to_yaml(document);
        auto const again = model::parse_yaml(written);
        base::must(!again.ok() || again.value() == document, "a value changes when it is written as YAML and read back");
    }
    return 0;
}
