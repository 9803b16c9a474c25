#pragma once

#include <span>
#include <string>

#include "runtime/arguments.h"

namespace nova::runtime {

/// The options of `nb update`, as runc and crun have them.
std::span<const Option> update_options();

/// What `nb update` shall change, as the specification's JSON (linux.resources, and beside it "intelRdt" where that was asked
/// for). From --resources FILE ("-": standard input), and then the other options do not count; else from those.
/// Errors: invalid_argument - names the option; as reading the file.
struct UpdateRequest {
    std::string resources; ///< JSON of linux.resources.
    std::string l3_cache_schema;
    std::string mem_bw_schema;
};
Result<UpdateRequest> read_update_request(const Arguments& arguments);

/// Bytes as runc takes them: "67108864", "64M", "64mb", "64MiB" are the same; "-1" is without limit.
/// Errors: invalid_argument.
Result<std::int64_t> parse_memory_size(const std::string& text);

} // namespace nova::runtime
