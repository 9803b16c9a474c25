#include "sys/seccomp_newest.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <cstddef>

namespace nova::sys {

std::string without_newer_calls(const std::string& code, const std::vector<NewestCall>& newest)
{
    std::string whole;
    for (const auto& call : newest) {
        std::array<sock_filter, 6> const steps{{
            {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, arch)},
            {BPF_JMP | BPF_JEQ | BPF_K, 0, 4, call.architecture},
            {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
            {BPF_JMP | BPF_JGT | BPF_K, 0, 2, call.number},
            {BPF_JMP | BPF_JGT | BPF_K, 1, 0, call.highest}, // A tracer's -1, or another architecture's: the program's.
            {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS},
        }};
        whole.append(reinterpret_cast<const char*>(steps.data()), sizeof steps);
    }
    return whole + code;
}

} // namespace nova::sys
