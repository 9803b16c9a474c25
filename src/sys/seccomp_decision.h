// For tests of filters: what the kernel makes of them.
#pragma once

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstring>
#include <string>
#include <vector>

namespace nova::sys {

/// What the kernel would answer.
inline std::uint32_t decide(const std::string& code, const seccomp_data& data)
{
    std::vector<sock_filter> program(code.size() / sizeof(sock_filter));
    std::memcpy(program.data(), code.data(), code.size());
    std::uint32_t held = 0;
    for (std::size_t at = 0; at < program.size(); ++at) {
        const auto& step = program[at];
        bool yes = false;
        switch (step.code) {
        case BPF_LD | BPF_W | BPF_ABS: std::memcpy(&held, reinterpret_cast<const char*>(&data) + step.k, 4); continue;
        case BPF_ALU | BPF_AND | BPF_K: held &= step.k; continue;
        case BPF_RET | BPF_K: return step.k;
        case BPF_JMP | BPF_JA: at += step.k; continue;
        case BPF_JMP | BPF_JEQ | BPF_K: yes = held == step.k; break;
        case BPF_JMP | BPF_JGT | BPF_K: yes = held > step.k; break;
        case BPF_JMP | BPF_JGE | BPF_K: yes = held >= step.k; break;
        case BPF_JMP | BPF_JSET | BPF_K: yes = (held & step.k) != 0; break;
        default: ADD_FAILURE() << "unknown step " << step.code; return 0;
        }
        at += yes ? step.jt : step.jf;
    }
    ADD_FAILURE() << "no answer";
    return 0;
}

} // namespace nova::sys
