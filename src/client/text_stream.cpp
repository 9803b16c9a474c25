#include "client/text_stream.h"

#include "client/http_connection.h"

namespace nova::client {

TextStream::TextStream(std::unique_ptr<HttpConnection> connection) : connection_(std::move(connection)) {}
TextStream::TextStream(TextStream&&) noexcept = default;
TextStream& TextStream::operator=(TextStream&&) noexcept = default;
TextStream::~TextStream() = default;

base::Result<std::string> TextStream::read(base::Deadline deadline) { return connection_->read_some(deadline); }
int TextStream::fd() const { return connection_->fd(); }

} // namespace nova::client
