#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/must.h"
#include "model/novafile.h"
#include "model/registry.h"

/// Any text is either refused with causes, or becomes objects that admission takes again unchanged.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace nova;
    std::string_view const text{reinterpret_cast<const char*>(data), size};
    auto const file = model::parse_novafile(text, "NovaFile", "/proc/self");
    if (!file.ok()) {
        base::must(!file.error().causes().empty(), "a NovaFile is refused without a cause");
        return 0;
    }
    for (const auto& object : file.value().objects) {
        auto const* kind = model::find_kind(object["kind"].get<std::string>());
        base::must(model::admit(*kind, object).value() == object, "an object of a NovaFile changes when it is admitted again");
    }
    return 0;
}
