#include "runtime/unit_property.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/strings.h"
#include "runtime/device_filter.h"
#include "runtime/limits.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

// ---- as D-Bus writes a value: its signature, then itself ------------------------------------------------------------------

void write_value(sys::BusWriter& writer, bool value)
{
    writer.signature("b");
    writer.boolean(value);
}

template <typename Number>
void write_number(sys::BusWriter& writer, const char* type, Number value)
{
    writer.signature(type);
    writer.number(value);
}
void write_value(sys::BusWriter& writer, std::int32_t value) { write_number(writer, "i", value); }
void write_value(sys::BusWriter& writer, std::uint32_t value) { write_number(writer, "u", value); }
void write_value(sys::BusWriter& writer, std::int64_t value) { write_number(writer, "x", value); }
void write_value(sys::BusWriter& writer, std::uint64_t value) { write_number(writer, "t", value); }
void write_value(sys::BusWriter& writer, double value) { write_number(writer, "d", value); }

void write_value(sys::BusWriter& writer, const std::string& value)
{
    writer.signature("s");
    writer.text(value);
}

template <typename Elements, typename WriteElement>
void write_array(sys::BusWriter& writer, const char* type, std::size_t alignment, const Elements& elements, WriteElement write)
{
    writer.signature(type);
    auto const array = writer.begin_array(alignment);
    for (const auto& element : elements)
        write(element);
    writer.end_array(array);
}

void write_value(sys::BusWriter& writer, const std::vector<std::string>& values)
{
    write_array(writer, "as", 4, values, [&](const auto& value) { writer.text(value); });
}

void write_value(sys::BusWriter& writer, const std::vector<std::uint8_t>& values)
{
    write_array(writer, "ay", 1, values, [&](auto value) { writer.byte(value); });
}

void write_value(sys::BusWriter& writer, const std::vector<std::uint32_t>& values)
{
    write_array(writer, "au", 4, values, [&](auto value) { writer.number(value); });
}

void write_value(sys::BusWriter& writer, const TextPairs& pairs)
{
    write_array(writer, "a(ss)", 8, pairs, [&](const auto& pair) {
        writer.begin_struct();
        writer.text(pair.first);
        writer.text(pair.second);
    });
}

// ---- annotations ----------------------------------------------------------------------------------------------------------

Error not_understood(const std::string& text)
{
    return {Code::invalid_argument, "must be a value like 'word', true, 5 or uint64 5, is " + text.substr(0, 80)};
}

bool is_quoted(const std::string& text)
{
    return text.size() >= 2 && (text.front() == '\'' || text.front() == '"') && text.back() == text.front() &&
           text.find(text.front(), 1) == text.size() - 1 && text.find('\\') == std::string::npos;
}

Result<std::vector<std::string>> parse_list(const std::string& text)
{
    std::vector<std::string> words;
    for (const auto& part : base::split(std::string_view{text}.substr(1, text.size() - 2), ',')) {
        auto const word = base::trim(part);
        if (!is_quoted(word))
            return not_understood(text);
        words.push_back(word.substr(1, word.size() - 2));
    }
    return words;
}

Result<PropertyValue> parse_number(const std::string& type, const std::string& digits)
{
    auto const within = [&](long long least, long long most) { return base::parse_integer(digits, least, most); };
    if (type == "byte")
        return PropertyValue{std::vector<std::uint8_t>{static_cast<std::uint8_t>(TRY(within(0, 255)))}};
    if (type == "int32" || type == "int16")
        return PropertyValue{static_cast<std::int32_t>(TRY(within(INT32_MIN, INT32_MAX)))};
    if (type == "uint32" || type == "uint16")
        return PropertyValue{static_cast<std::uint32_t>(TRY(within(0, UINT32_MAX)))};
    if (type == "int64")
        return PropertyValue{static_cast<std::int64_t>(TRY(within(INT64_MIN, INT64_MAX)))};
    if (type == "uint64")
        return PropertyValue{static_cast<std::uint64_t>(TRY(within(0, INT64_MAX)))};
    return not_understood(type);
}

/// What the runtime itself tells systemd: an annotation must not say otherwise.
constexpr std::array ours{"PIDs", "Slice", "Delegate", "DevicePolicy", "DeviceAllow", "DefaultDependencies"};

bool is_property_name(const std::string& name)
{
    return !name.empty() && name.front() >= 'A' && name.front() <= 'Z' &&
           std::all_of(name.begin(), name.end(), [](unsigned char letter) { return std::isalnum(letter); });
}

Result<UnitProperty> annotated_property(std::string name, const std::string& text)
{
    if (!is_property_name(name))
        return Error{Code::invalid_argument, "is no name of a property"};
    if (std::find(ours.begin(), ours.end(), name) != ours.end())
        return Error{Code::invalid_argument, "is decided by the runtime"};
    auto value = TRY(parse_property_value(text));
    if (!name.ends_with("Sec") || name.ends_with("USec"))
        return UnitProperty{std::move(name), std::move(value)};
    constexpr double microseconds = 1e6;
    double seconds = -1;
    std::visit(
        [&](const auto& number) {
            if constexpr (std::is_arithmetic_v<std::decay_t<decltype(number)>>)
                seconds = static_cast<double>(number);
        },
        value);
    if (seconds < 0 || seconds > 1e12)
        return Error{Code::invalid_argument, "must be a number of seconds"};
    name.insert(name.size() - 3, "U");
    return UnitProperty{std::move(name), static_cast<std::uint64_t>(seconds * microseconds)};
}

// ---- limits ---------------------------------------------------------------------------------------------------------------

constexpr std::uint64_t default_period = 100000;
constexpr std::uint64_t microseconds_per_second = 1000000;
constexpr std::uint64_t quota_step = 10000; ///< systemd keeps a quota as whole percents of a processor.

std::uint64_t or_infinity(std::int64_t limit) { return limit < 0 ? UINT64_MAX : static_cast<std::uint64_t>(limit); }

void add_cpu(const oci::CpuLimits& cpu, bool unified, std::vector<UnitProperty>& out)
{
    if (cpu.idle == 1 && unified)
        out.push_back(idle_weight());
    else if (cpu.shares && *cpu.shares != 0 && unified)
        out.push_back({"CPUWeight", weight_of_shares(*cpu.shares)});
    else if (cpu.shares && *cpu.shares != 0)
        out.push_back({"CPUShares", *cpu.shares});
    auto const period = cpu.period.value_or(0) == 0 ? default_period : *cpu.period;
    if (cpu.period && *cpu.period != 0)
        out.push_back({"CPUQuotaPeriodUSec", *cpu.period});
    if (cpu.quota && *cpu.quota != 0) {
        auto const exact = static_cast<unsigned __int128>(or_infinity(*cpu.quota)) * microseconds_per_second / period;
        auto const rounded = (static_cast<std::uint64_t>(std::min<unsigned __int128>(exact, INT64_MAX)) + quota_step - 1) /
                             quota_step * quota_step;
        out.push_back({"CPUQuotaPerSecUSec", *cpu.quota < 0 ? UINT64_MAX : rounded});
    }
    if (!unified)
        return;
    if (auto bits = bits_of_set(cpu.cpus); bits.ok() && !cpu.cpus.empty())
        out.push_back({"AllowedCPUs", std::move(bits).value()});
    if (auto bits = bits_of_set(cpu.mems); bits.ok() && !cpu.mems.empty())
        out.push_back({"AllowedMemoryNodes", std::move(bits).value()});
}

void add_memory(const oci::MemoryLimits& memory, bool unified, std::vector<UnitProperty>& out)
{
    if (memory.limit && *memory.limit != 0)
        out.push_back({unified ? "MemoryMax" : "MemoryLimit", or_infinity(*memory.limit)});
    if (!unified)
        return;
    if (memory.reservation && *memory.reservation != 0)
        out.push_back({"MemoryLow", or_infinity(*memory.reservation)});
    bool const swap_is_limited =
        memory.swap && *memory.swap > 0 && memory.limit && *memory.limit > 0 && *memory.swap >= *memory.limit;
    if (swap_is_limited)
        out.push_back({"MemorySwapMax", static_cast<std::uint64_t>(*memory.swap - *memory.limit)});
    else if (memory.swap == 0 && !memory.limit)
        out.push_back({"MemorySwapMax", std::uint64_t{0}});
    else if (memory.swap.value_or(memory.limit.value_or(0)) < 0)
        out.push_back({"MemorySwapMax", UINT64_MAX});
}

/// What files of version 2 say of processors. What is no number there the kernel refuses later.
oci::CpuLimits cpu_limits_of(const std::map<std::string, std::string>& unified)
{
    auto const text_of = [&](const char* file) {
        auto const found = unified.find(file);
        return found == unified.end() ? std::string{} : std::string{base::trim(found->second)};
    };
    oci::CpuLimits limits;
    limits.cpus = text_of("cpuset.cpus");
    limits.mems = text_of("cpuset.mems");
    if (text_of("cpu.idle") == "1")
        limits.idle = 1;
    take_cpu_max(text_of("cpu.max"), limits);
    return limits;
}

/// Files of version 2 whose content systemd would set back.
void add_unified(const std::map<std::string, std::string>& unified, std::vector<UnitProperty>& out)
{
    auto const cpu = cpu_limits_of(unified);
    add_cpu(cpu, true, out);
    constexpr std::array<std::pair<std::string_view, const char*>, 7> known{{{"memory.max", "MemoryMax"},
                                                                             {"memory.high", "MemoryHigh"},
                                                                             {"memory.low", "MemoryLow"},
                                                                             {"memory.min", "MemoryMin"},
                                                                             {"memory.swap.max", "MemorySwapMax"},
                                                                             {"cpu.weight", "CPUWeight"},
                                                                             {"pids.max", "TasksMax"}}};
    for (const auto& [file, property] : known) {
        auto const found = unified.find(std::string{file});
        if (found == unified.end() || (file == "cpu.weight" && cpu.idle == 1))
            continue;
        auto const number = base::parse_integer(base::trim(found->second), 0, INT64_MAX);
        if (number.ok() || base::trim(found->second) == "max")
            out.push_back({property, number.ok() ? static_cast<std::uint64_t>(number.value()) : UINT64_MAX});
    }
}

/// "/dev/char/1:3", or for all minor numbers of one driver "char-pts", or "char-*".
std::string device_name(const oci::DeviceRule& rule, const char* type)
{
    if (rule.major && rule.minor)
        return std::string{"/dev/"} + type + "/" + std::to_string(*rule.major) + ":" + std::to_string(*rule.minor);
    return rule.major == 136 ? "char-pts" : std::string{type} + "-*"; // More than the rule says: our own filter narrows it.
}

} // namespace

UnitProperty idle_weight() { return {"CPUWeight", std::uint64_t{0}}; }

void write_properties(sys::BusWriter& writer, const std::vector<UnitProperty>& properties)
{
    auto const array = writer.begin_array(8);
    for (const auto& property : properties) {
        writer.begin_struct();
        writer.text(property.name);
        std::visit([&](const auto& value) { write_value(writer, value); }, property.value);
    }
    writer.end_array(array);
}

Result<PropertyValue> parse_property_value(const std::string& text)
{
    auto const word = base::trim(text);
    if (word == "true" || word == "false")
        return PropertyValue{word == "true"};
    if (is_quoted(word))
        return PropertyValue{word.substr(1, word.size() - 2)};
    if (word.size() > 2 && word.front() == '[' && word.back() == ']')
        return PropertyValue{TRY(parse_list(word))};
    if (auto const space = word.find(' '); space != std::string::npos)
        return parse_number(word.substr(0, space), base::trim(word.substr(space)));
    if (auto number = parse_number("int32", word); number.ok())
        return number;
    char* end = nullptr;
    auto const number = std::strtod(word.c_str(), &end);
    if (word.find_first_not_of("0123456789.-") != std::string::npos || word.empty() || *end != '\0')
        return not_understood(text);
    return PropertyValue{number};
}

Result<std::vector<UnitProperty>> annotated_properties(const std::map<std::string, std::string>& annotations)
{
    constexpr std::string_view prefix = "org.systemd.property.";
    std::vector<UnitProperty> properties;
    for (const auto& [key, text] : annotations)
        if (key.starts_with(prefix))
            properties.push_back(TRY(annotated_property(key.substr(prefix.size()), text).context("annotations." + key)));
    return properties;
}

Result<std::vector<std::uint8_t>> bits_of_set(const std::string& text)
{
    constexpr int most = 8191;
    std::vector<std::uint8_t> bits;
    for (const auto& part : base::split(text, ',')) {
        auto const dash = part.find('-');
        auto const first = TRY(base::parse_integer(base::trim(part.substr(0, dash)), 0, most));
        auto const last =
            dash == std::string::npos ? first : TRY(base::parse_integer(base::trim(part.substr(dash + 1)), first, most));
        for (auto number = static_cast<std::size_t>(first); number <= static_cast<std::size_t>(last); ++number) {
            if (bits.size() <= number / 8)
                bits.resize(number / 8 + 1);
            bits[number / 8] = static_cast<std::uint8_t>(bits[number / 8] | 1u << number % 8);
        }
    }
    return bits;
}

std::vector<UnitProperty> limit_properties(const oci::Resources& resources, bool unified_cgroups)
{
    std::vector<UnitProperty> out;
    add_memory(resources.memory, unified_cgroups, out);
    add_cpu(resources.cpu, unified_cgroups, out);
    if (resources.pids_limit && *resources.pids_limit != 0)
        out.push_back({"TasksMax", or_infinity(*resources.pids_limit)});
    if (resources.block_io.weight && *resources.block_io.weight != 0 && !unified_cgroups)
        out.push_back({"BlockIOWeight", std::uint64_t{*resources.block_io.weight}});
    if (unified_cgroups)
        add_unified(resources.unified, out);
    return out;
}

std::vector<UnitProperty> device_properties(const std::vector<oci::DeviceRule>& rules)
{
    TextPairs allowed;
    bool everything = false;
    for (const auto* const list : {&rules, &default_device_rules()})
        for (const auto& rule : *list) {
            bool const all = rule.type == "a" && !rule.major && !rule.minor;
            if (all)
                everything = rule.allow;
            if (all || !rule.allow || everything)
                continue; // What is taken away again our own filter takes away.
            for (const char* const type : {"char", "block"})
                if (rule.type == "a" || rule.type.front() == *type)
                    allowed.emplace_back(device_name(rule, type), rule.access.empty() ? "rwm" : rule.access);
        }
    if (everything)
        return {{"DevicePolicy", std::string{"auto"}}, {"DeviceAllow", TextPairs{}}};
    return {{"DevicePolicy", std::string{"strict"}}, {"DeviceAllow", std::move(allowed)}};
}

} // namespace nova::runtime
