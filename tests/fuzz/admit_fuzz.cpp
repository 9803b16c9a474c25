#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/must.h"
#include "model/registry.h"

/// Any JSON is either refused with causes, or admitted; and what is admitted is admitted again unchanged. The first byte picks a
/// kind.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace nova;
    if (size == 0)
        return 0;
    const auto& kind = model::kinds()[data[0] % model::kinds().size()];
    auto const object = model::parse_json({reinterpret_cast<const char*>(data + 1), size - 1});
    if (!object.ok())
        return 0;
    (void)model::read_meta(object.value()).ok();
    (void)model::key_of(kind, object.value());
    auto const admitted = model::admit(kind, object.value());
    if (!admitted.ok()) {
        base::must(!admitted.error().causes().empty(), "an object is refused without a cause");
        return 0;
    }
    base::must(model::admit(kind, admitted.value()).value() == admitted.value(),
               "an admitted object changes when it is admitted again");
    return 0;
}
