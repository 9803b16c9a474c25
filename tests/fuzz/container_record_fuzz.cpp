// What nb reads back of a container: it lies where others may have written.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/must.h"
#include "runtime/state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string const text{reinterpret_cast<const char*>(data), size};
    auto const record = nova::runtime::parse_record(text);
    if (record.ok())
        nova::base::must(nova::runtime::parse_record(nova::runtime::to_json(record.value())).ok(),
                         "what is written is read again");
    return 0;
}
