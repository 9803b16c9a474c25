#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/json_reader.h"

/// Typed reading of one JSON document, whose errors name the path of the field. Used by the parser of config.json only.
namespace nova::model::oci {

using base::Result;
using base::Status;

/// A value and the way to it. Lives on the stack below its parent; the path is put together only for an error.
class Field {
public:
    explicit Field(JsonValue value) : value_(value) {}
    Field(const Field& parent, JsonValue value) : parent_(&parent), value_(value) {}
    Field(const Field& parent, JsonValue value, std::size_t index) : parent_(&parent), value_(value), index_(index) {}

    JsonValue value() const { return value_; }
    JsonValue::Kind kind() const { return value_.kind(); }
    std::string path() const;

    /// "PATH: must be WHAT"
    base::Error wrong(std::string_view what) const;

    /// The member of that name; the last one where it stands twice; empty where absent or null.
    /// Only for objects.
    std::optional<Field> find(std::string_view name) const;

private:
    static constexpr std::size_t no_index = static_cast<std::size_t>(-1);
    const Field* parent_ = nullptr;
    JsonValue value_;
    std::size_t index_ = no_index;
};

Status read(const Field& field, bool& out);
Status read(const Field& field, std::string& out); ///< Errors: it holds a NUL, which no path, argument or name may.
Status read(const Field& field, std::uint64_t& out);
Status read(const Field& field, std::int64_t& out);
Status read(const Field& field, std::uint32_t& out);
Status read(const Field& field, std::int32_t& out);
Status read(const Field& field, std::uint16_t& out);
Status expect(const Field& field, JsonValue::Kind kind);

template <typename T>
Status read(const Field& field, std::optional<T>& out)
{
    T value{};
    TRY(read(field, value));
    out = std::move(value);
    return base::done();
}

template <typename T>
Status read(const Field& field, std::vector<T>& out)
{
    TRY(expect(field, JsonValue::Kind::array));
    if (!field.value().has_children())
        return base::done();
    std::size_t index = 0;
    for (auto value = field.value().first();; value = value.next()) {
        TRY(read(Field{field, value, index++}, out.emplace_back()));
        if (!value.has_next())
            return base::done();
    }
}

template <typename T>
Status read(const Field& field, std::map<std::string, T>& out)
{
    TRY(expect(field, JsonValue::Kind::object));
    if (!field.value().has_children())
        return base::done();
    for (auto value = field.value().first();; value = value.next()) {
        TRY(read(Field{field, value}, out[std::string{value.key()}]));
        if (!value.has_next())
            return base::done();
    }
}

/// Reads a member where it is there; leaves `out` alone where not.
template <typename T>
Status member(const Field& object, std::string_view name, T& out)
{
    if (auto const found = object.find(name))
        return read(*found, out);
    return base::done();
}

/// The same for a member that must be there.
template <typename T>
Status required(const Field& object, std::string_view name, T& out)
{
    if (auto const found = object.find(name))
        return read(*found, out);
    auto const path = object.path();
    return base::Error{base::Code::invalid_argument, path + (path.empty() ? "" : ".") + std::string{name} + ": is missing"};
}

} // namespace nova::model::oci
