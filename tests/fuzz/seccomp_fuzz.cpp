// A seccomp profile, from its text to the kernel's byte code.
#include <linux/filter.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/must.h"
#include "model/oci_config.h"
#include "runtime/seccomp_profile.h"

namespace {

/// Every jump stays inside and the last instruction returns: what the kernel's own check asks for.
void check_program(const std::string& code)
{
    nova::base::must(code.size() % sizeof(sock_filter) == 0 && !code.empty(), "a program is whole instructions");
    auto const count = code.size() / sizeof(sock_filter);
    for (std::size_t i = 0; i < count; ++i) {
        sock_filter instruction;
        std::memcpy(&instruction, code.data() + i * sizeof instruction, sizeof instruction);
        bool const jumps = BPF_CLASS(instruction.code) == BPF_JMP;
        bool const always = jumps && BPF_OP(instruction.code) == BPF_JA;
        auto const reach = always ? instruction.k : jumps ? std::max(instruction.jt, instruction.jf) : 0u;
        nova::base::must(i + reach + 1 < count || BPF_CLASS(instruction.code) == BPF_RET, "a jump stays inside");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string const profile{reinterpret_cast<const char*>(data), size};
    auto const config = nova::model::oci::parse_config(
        R"({"ociVersion":"1.2.0","root":{"path":"r"},"process":{"cwd":"/","args":["a"]},"linux":{"seccomp":)" + profile + "}}");
    if (!config.ok() || !config.value().platform.seccomp)
        return 0;
    nova::runtime::SeccompCache cache{"/proc/nowhere"};
    auto const filter = nova::runtime::compile_profile(*config.value().platform.seccomp, cache);
    if (filter.ok())
        check_program(filter.value().code);
    return 0;
}
