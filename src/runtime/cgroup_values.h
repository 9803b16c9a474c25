#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "sys/cgroup.h"

/// What the files of a cgroup say. What is not there, or cannot be read, says nothing: which files there are differs from host to
/// host, and who asks here only reports.
namespace nova::runtime {

/// The whole file, without the line feed at its end. Absent: empty.
std::string text_in(const sys::Cgroup& cgroup, std::string_view controller, const std::string& file);

/// A file of one number; "max" is UINT64_MAX. Absent, or no number: nullopt.
std::optional<std::uint64_t> number_in(const sys::Cgroup& cgroup, std::string_view controller, const std::string& file);

/// A file with a "key value" per line. Lines that are none are passed over.
std::map<std::string, std::uint64_t> pairs_in(const sys::Cgroup& cgroup, std::string_view controller, const std::string& file);

} // namespace nova::runtime
