#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/oci_config.h"
#include "sys/dbus_message.h"

namespace nova::runtime {

using base::Result;
using base::Status;

using TextPairs = std::vector<std::pair<std::string, std::string>>;
using PropertyValue = std::variant<bool, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, double, std::string,
                                   std::vector<std::string>, std::vector<std::uint8_t>, std::vector<std::uint32_t>, TextPairs>;

/// One property of a unit of systemd, as its D-Bus interface takes it.
struct UnitProperty {
    std::string name;
    PropertyValue value;

    bool operator==(const UnitProperty&) const = default;
};

/// Writes them as D-Bus has it: a(sv).
void write_properties(sys::BusWriter& writer, const std::vector<UnitProperty>& properties);

/// A value as annotations write it (GVariant's text form): 'word', "word", true, 5, uint64 5, 1.5, ['a', 'b'].
/// Errors: invalid_argument.
Result<PropertyValue> parse_property_value(const std::string& text);

/// What annotations "org.systemd.property.NAME" ask for. A NAME that ends with "Sec" is a number of seconds, which systemd knows
/// as "NAMEUSec". Errors: invalid_argument - names the annotation; also where it would say what the runtime itself decides.
Result<std::vector<UnitProperty>> annotated_properties(const std::map<std::string, std::string>& annotations);

/// The limits as systemd keeps them, so that it does not set them back: only those that it knows.
std::vector<UnitProperty> limit_properties(const model::oci::Resources& resources, bool unified_cgroups);

/// The weight of a group that runs only when nobody else wants to, for systemd since version 252; older ones refuse it.
UnitProperty idle_weight();

/// Which devices systemd shall let through: at least those of the rules. What is allowed exactly our own filter decides.
std::vector<UnitProperty> device_properties(const std::vector<model::oci::DeviceRule>& rules);

/// "0-2,5" as the bits that systemd takes for AllowedCPUs. Errors: invalid_argument.
Result<std::vector<std::uint8_t>> bits_of_set(const std::string& text);

} // namespace nova::runtime
