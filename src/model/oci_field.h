#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
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

    /// The same for its member of that name, or for itself where it has none.
    base::Error wrong_member(std::string_view name, std::string_view what) const;

    /// "PATH.NAME: is missing"
    base::Error missing(std::string_view name) const;

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
        if (value.key().find('\0') != std::string_view::npos)
            return field.wrong("without NUL in a key");
        TRY(read(Field{field, value}, out[std::string{value.key()}]));
        if (!value.has_next())
            return base::done();
    }
}

/// One member of an object: its name and where its value goes.
template <typename T>
struct Member {
    enum class Presence { optional, required };
    std::string_view name;
    T& out;
    Presence presence;
};

/// A member that may be there; its value stays as it is where it is not.
template <typename T>
Member<T> may(std::string_view name, T& out)
{
    return {name, out, Member<T>::Presence::optional};
}

/// A member that must be there.
template <typename T>
Member<T> need(std::string_view name, T& out)
{
    return {name, out, Member<T>::Presence::required};
}

template <typename T>
Status read_member(const Field& object, const Member<T>& member)
{
    if (auto const found = object.find(member.name))
        return read(*found, member.out);
    if (member.presence == Member<T>::Presence::optional)
        return base::done();
    return object.missing(member.name);
}

/// A member that is an object whose own members go to different places.
template <typename... Members>
struct Inside {
    std::string_view name;
    std::tuple<Members...> members;
};

template <typename... Members>
Inside<Members...> inside(std::string_view name, Members... members)
{
    return {name, {members...}};
}

/// Reads these members of an object, in this order, up to the first that is wrong. Others are passed over.
template <typename... Members>
Status read_object(const Field& field, const Members&... members)
{
    TRY(expect(field, JsonValue::Kind::object));
    auto result = base::done();
    (void)((result = read_member(field, members)).ok() && ...);
    return result;
}

template <typename... Members>
Status read_member(const Field& object, const Inside<Members...>& inner)
{
    auto const found = object.find(inner.name);
    if (!found)
        return base::done();
    return std::apply([&](const Members&... members) { return read_object(*found, members...); }, inner.members);
}

} // namespace nova::model::oci
