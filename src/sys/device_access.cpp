#include "sys/device_access.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sys/unique_fd.h"

namespace nova::sys {

using base::Error;

namespace {

/// What the registers hold while the rules are tried.
constexpr std::uint8_t type_register = BPF_REG_2;
constexpr std::uint8_t access_register = BPF_REG_3;
constexpr std::uint8_t major_register = BPF_REG_4;
constexpr std::uint8_t minor_register = BPF_REG_5;

bpf_insn instruction(std::uint8_t code, std::uint8_t target, std::uint8_t source, std::int16_t offset, std::int32_t value)
{
    bpf_insn result{};
    result.code = code;
    result.dst_reg = target & 0xf;
    result.src_reg = source & 0xf;
    result.off = offset;
    result.imm = value;
    return result;
}

bpf_insn load_word(std::uint8_t target, std::int16_t offset)
{
    return instruction(BPF_LDX | BPF_MEM | BPF_W, target, BPF_REG_1, offset, 0);
}

bpf_insn with_number(std::uint8_t operation, std::uint8_t target, std::uint32_t value)
{
    return instruction(BPF_ALU | operation | BPF_K, target, 0, 0, static_cast<std::int32_t>(value));
}

/// Jumps past the rule; where to is filled in when its length is known.
bpf_insn leave_unless(std::uint8_t left, std::uint32_t value)
{
    return instruction(BPF_JMP32 | BPF_JNE | BPF_K, left, 0, 0, static_cast<std::int32_t>(value));
}

constexpr std::size_t answer_length = 2;

void append_answer(std::vector<bpf_insn>& code, bool allow)
{
    code.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow ? 1 : 0));
    code.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

std::uint32_t access_bits(const DeviceAccess& rule)
{
    std::uint32_t bits = 0;
    if (rule.make)
        bits |= BPF_DEVCG_ACC_MKNOD;
    if (rule.read)
        bits |= BPF_DEVCG_ACC_READ;
    if (rule.write)
        bits |= BPF_DEVCG_ACC_WRITE;
    return bits;
}

/// An allowing rule must cover all that is asked for; a denying one any part of it.
void append_access_test(std::vector<bpf_insn>& code, const DeviceAccess& rule)
{
    auto const bits = access_bits(rule);
    if (bits == (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE))
        return;
    code.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, access_register, 0, 0));
    code.push_back(with_number(BPF_AND, BPF_REG_1, bits));
    if (rule.allow)
        code.push_back(instruction(BPF_JMP32 | BPF_JNE | BPF_X, BPF_REG_1, access_register, 0, 0));
    else
        code.push_back(instruction(BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0));
}

std::vector<bpf_insn> rule_code(const DeviceAccess& rule)
{
    std::vector<bpf_insn> code;
    if (rule.type != 'a')
        code.push_back(leave_unless(type_register, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR));
    append_access_test(code, rule);
    if (rule.major)
        code.push_back(leave_unless(major_register, *rule.major));
    if (rule.minor)
        code.push_back(leave_unless(minor_register, *rule.minor));
    append_answer(code, rule.allow);
    for (std::size_t i = 0; i < code.size(); ++i)
        if ((code[i].code & 0x07) == BPF_JMP32)
            code[i].off = static_cast<std::int16_t>(code.size() - i - 1);
    return code;
}

std::vector<bpf_insn> program_of(const std::vector<DeviceAccess>& rules)
{
    std::vector<bpf_insn> code{load_word(type_register, 0),
                               instruction(BPF_ALU | BPF_MOV | BPF_X, access_register, type_register, 0, 0),
                               with_number(BPF_AND, type_register, 0xffff),
                               with_number(BPF_RSH, access_register, 16),
                               load_word(major_register, 4),
                               load_word(minor_register, 8)};
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
        auto const part = rule_code(*rule);
        code.insert(code.end(), part.begin(), part.end());
        if (part.size() == answer_length)
            return code; // It matches everything: the kernel refuses code that is never reached.
    }
    append_answer(code, false);
    return code;
}

/// The filter that is attached to this cgroup itself; empty when there is none, or several: those are not ours to choose from.
Result<UniqueFd> only_filter(int cgroup_directory)
{
    std::array<std::uint32_t, 2> ids{};
    bpf_attr query{};
    query.query.target_fd = static_cast<std::uint32_t>(cgroup_directory);
    query.query.attach_type = BPF_CGROUP_DEVICE;
    query.query.prog_ids = reinterpret_cast<std::uint64_t>(ids.data());
    query.query.prog_cnt = ids.size();
    if (::syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof query) < 0 && errno != ENOSPC)
        return Error::from_errno("ask for the device filter");
    if (query.query.prog_cnt != 1)
        return UniqueFd{};
    bpf_attr open{};
    open.prog_id = ids.front();
    UniqueFd filter{static_cast<int>(::syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &open, sizeof open))};
    if (!filter)
        return Error::from_errno("open the device filter");
    return filter;
}

} // namespace

Status attach_device_filter(int cgroup_directory, const std::vector<DeviceAccess>& rules)
{
    auto const code = program_of(rules);
    constexpr char license[] = "GPL";
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    load.insns = reinterpret_cast<std::uint64_t>(code.data());
    load.insn_cnt = static_cast<std::uint32_t>(code.size());
    load.license = reinterpret_cast<std::uint64_t>(license);
    UniqueFd const program{static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load))};
    if (!program)
        return Error::from_errno("load the device filter");
    auto const earlier = TRY(only_filter(cgroup_directory));
    bpf_attr attach{};
    attach.target_fd = static_cast<std::uint32_t>(cgroup_directory);
    attach.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
    attach.attach_type = BPF_CGROUP_DEVICE;
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    if (earlier) {
        attach.attach_flags |= BPF_F_REPLACE;
        attach.replace_bpf_fd = static_cast<std::uint32_t>(earlier.get());
    }
    if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) < 0)
        return Error::from_errno("attach the device filter");
    return base::done();
}

} // namespace nova::sys
