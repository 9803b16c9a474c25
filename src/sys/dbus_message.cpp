#include "sys/dbus_message.h"

#include <cstring>

namespace nova::sys {

using base::Code;
using base::done;
using base::Error;

namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

constexpr char little_endian = 'l';
constexpr std::uint8_t protocol_version = 1;

enum HeaderField : std::uint8_t {
    path = 1,
    interface = 2,
    member = 3,
    error_name = 4,
    reply_serial = 5,
    destination = 6,
    signature = 8
};

Error broken(const char* what) { return {Code::invalid_argument, std::string{"D-Bus message: "} + what}; }

std::size_t padded(std::size_t size, std::size_t to) { return (size + to - 1) / to * to; }

void write_text_field(BusWriter& writer, std::uint8_t field, const char* type, const std::string& text)
{
    if (text.empty())
        return;
    writer.begin_struct();
    writer.byte(field);
    writer.signature(type);
    if (*type == 'g')
        writer.signature(text);
    else
        writer.text(text);
}

/// The value of a header field that we know nothing of: all of them have one of these types.
Status skip_value(BusReader& reader, const std::string& type)
{
    if (type == "s" || type == "o")
        TRY(reader.text());
    else if (type == "g")
        TRY(reader.signature());
    else if (type == "u" || type == "i")
        TRY(reader.number32());
    else
        return broken("a header field of an unknown type");
    return done();
}

Status read_field(BusReader& reader, BusMessage& message)
{
    TRY(reader.align(8));
    auto const field = TRY(reader.byte());
    auto const type = TRY(reader.signature());
    auto const text_into = [&](std::string& out, const char* wanted) -> Status {
        if (type != wanted)
            return broken("a header field of the wrong type");
        out = TRY(*wanted == 'g' ? reader.signature() : reader.text());
        return done();
    };
    switch (field) {
    case path: return text_into(message.path, "o");
    case interface: return text_into(message.interface, "s");
    case member: return text_into(message.member, "s");
    case error_name: return text_into(message.error_name, "s");
    case destination: return text_into(message.destination, "s");
    case signature: return text_into(message.signature, "g");
    case reply_serial:
        if (type != "u")
            return broken("a header field of the wrong type");
        message.reply_serial = TRY(reader.number32());
        return done();
    default: return skip_value(reader, type);
    }
}

} // namespace

void BusWriter::align(std::size_t to) { bytes_.resize(padded(bytes_.size(), to), '\0'); }

void BusWriter::text(std::string_view value)
{
    number(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value).push_back('\0');
}

void BusWriter::signature(std::string_view value)
{
    byte(static_cast<std::uint8_t>(value.size()));
    bytes_.append(value).push_back('\0');
}

std::size_t BusWriter::begin_array(std::size_t alignment)
{
    number(std::uint32_t{0}); // Its size, which end_array knows.
    auto const mark = bytes_.size() - sizeof(std::uint32_t);
    align(alignment); // This padding counts as no part of the array.
    starts_.push_back(bytes_.size());
    return mark;
}

void BusWriter::end_array(std::size_t mark)
{
    auto const size = static_cast<std::uint32_t>(bytes_.size() - starts_.back());
    starts_.pop_back();
    std::memcpy(bytes_.data() + mark, &size, sizeof size);
}

Result<std::string_view> BusReader::take(std::size_t size)
{
    if (size > bytes_.size() - at_)
        return broken("is cut off");
    auto const part = bytes_.substr(at_, size);
    at_ += size;
    return part;
}

Status BusReader::align(std::size_t to)
{
    auto const padding = TRY(take(padded(at_, to) - at_));
    if (padding.find_first_not_of('\0') != std::string_view::npos)
        return broken("padding that is not zero");
    return done();
}

Result<std::uint8_t> BusReader::byte() { return static_cast<std::uint8_t>(TRY(take(1)).front()); }

Result<std::uint32_t> BusReader::number32()
{
    TRY(align(4));
    std::uint32_t value = 0;
    std::memcpy(&value, TRY(take(sizeof value)).data(), sizeof value);
    return value;
}

Result<std::uint64_t> BusReader::number64()
{
    TRY(align(8));
    std::uint64_t value = 0;
    std::memcpy(&value, TRY(take(sizeof value)).data(), sizeof value);
    return value;
}

Result<std::string> BusReader::text()
{
    auto const size = TRY(number32());
    auto const value = TRY(take(size));
    if (TRY(byte()) != 0 || value.find('\0') != std::string_view::npos)
        return broken("a text that does not end where it must");
    return std::string{value};
}

Result<std::string> BusReader::signature()
{
    auto const size = TRY(byte());
    auto const value = TRY(take(size));
    if (TRY(byte()) != 0 || value.find('\0') != std::string_view::npos)
        return broken("a signature that does not end where it must");
    return std::string{value};
}

std::string to_bytes(const BusMessage& message)
{
    BusWriter writer;
    writer.byte(little_endian);
    writer.byte(static_cast<std::uint8_t>(message.type));
    writer.byte(0); // No flags: an answer is wanted.
    writer.byte(protocol_version);
    writer.number(static_cast<std::uint32_t>(message.body.size()));
    writer.number(message.serial);
    auto const fields = writer.begin_array(8);
    write_text_field(writer, path, "o", message.path);
    write_text_field(writer, interface, "s", message.interface);
    write_text_field(writer, member, "s", message.member);
    write_text_field(writer, error_name, "s", message.error_name);
    write_text_field(writer, destination, "s", message.destination);
    if (message.reply_serial != 0) {
        writer.begin_struct();
        writer.byte(reply_serial);
        writer.signature("u");
        writer.number(message.reply_serial);
    }
    write_text_field(writer, signature, "g", message.signature);
    writer.end_array(fields);
    writer.begin_struct(); // The body begins at a multiple of 8.
    return writer.bytes() + message.body;
}

Result<std::size_t> bus_message_size(std::string_view header)
{
    BusReader reader{header};
    if (TRY(reader.byte()) != little_endian)
        return broken("is not little-endian");
    TRY(reader.byte());
    TRY(reader.byte());
    if (TRY(reader.byte()) != protocol_version)
        return broken("has another protocol version");
    std::size_t const body = TRY(reader.number32());
    TRY(reader.number32());
    std::size_t const fields = TRY(reader.number32());
    if (body > most_bus_message || fields > most_bus_message || body + fields + 2 * bus_header_size > most_bus_message)
        return Error{Code::resource_exhausted, "D-Bus message: is longer than " + std::to_string(most_bus_message) + " bytes"};
    return padded(bus_header_size + fields, 8) + body;
}

Result<BusMessage> parse_bus_message(std::string_view bytes)
{
    auto const size = TRY(bus_message_size(bytes.substr(0, bus_header_size)));
    if (size != bytes.size())
        return broken("is cut off");
    BusReader reader{bytes};
    BusMessage message;
    TRY(reader.byte());
    auto const type = TRY(reader.byte());
    if (type < 1 || type > 4)
        return broken("is of an unknown type");
    message.type = static_cast<BusMessageType>(type);
    TRY(reader.byte());
    TRY(reader.byte());
    std::size_t const body = TRY(reader.number32());
    message.serial = TRY(reader.number32());
    std::size_t const fields_end = bus_header_size + TRY(reader.number32());
    while (reader.position() < fields_end)
        TRY(read_field(reader, message));
    if (reader.position() != fields_end)
        return broken("a header field beyond its end");
    TRY(reader.align(8));
    message.body = std::string{bytes.substr(bytes.size() - body)};
    return message;
}

} // namespace nova::sys
