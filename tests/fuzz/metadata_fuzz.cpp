// What Nebulon's commands read back of a container. Its file lies where others may have written.
#include <cstddef>
#include <cstdint>
#include <string>

#include "apps/nebulon/metadata.h"
#include "base/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    namespace nebulon = nova::nebulon;
    std::string const text{reinterpret_cast<const char*>(data), size};
    (void)nebulon::parse_volume(text).ok();
    auto const container = nebulon::parse_container(text);
    if (!container.ok()) {
        nova::base::must(container.error().message().size() < 500, "an error is a line");
        return 0;
    }
    nova::base::must(nebulon::check_id(container.value().id).ok(), "an id is a name of a directory");
    nova::base::must(nebulon::check_config(container.value().config).ok(), "what is read could be asked for");
    auto const again = nebulon::parse_container(nebulon::to_json(container.value()));
    nova::base::must(again.ok(), "what is written is read again");
    nova::base::must(again.value() == container.value(), "it comes back the same");
    return 0;
}
