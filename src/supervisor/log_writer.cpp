#include "supervisor/log_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "sys/file.h"

namespace nova::supervisor {

using base::Error;

constexpr std::uint64_t least_rotate_at = 4096;

Result<LogWriter> LogWriter::open(const model::LogSpec& spec, const Place& last)
{
    LogWriter writer;
    writer.path_ = spec.path;
    writer.rotate_at_ = std::max(spec.rotate_at.count, least_rotate_at);
    writer.keep_files_ = spec.keep_files;
    TRY(writer.open_file());
    auto& place = writer.place_;
    if (place.device == last.device && place.inode == last.inode && place.size > last.size) {
        if (::ftruncate(writer.fd_.get(), static_cast<off_t>(last.size)) < 0)
            return Error::from_errno("cut " + spec.path);
        place.size = last.size;
    }
    return writer;
}

Status LogWriter::open_file()
{
    auto fd = TRY(sys::open_file(path_, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0640));
    struct stat found {};
    if (::fstat(fd.get(), &found) < 0)
        return Error::from_errno("look at " + path_);
    if (!S_ISREG(found.st_mode))
        return Error{base::Code::invalid_argument, "log " + path_ + " is not a plain file"};
    fd_ = std::move(fd);
    place_ = {found.st_dev, found.st_ino, static_cast<std::uint64_t>(found.st_size)};
    return base::done();
}

std::uint64_t LogWriter::room() const { return place_.size >= rotate_at_ ? 0 : rotate_at_ - place_.size; }

Status LogWriter::append(std::string_view text)
{
    auto const written = sys::write_all(fd_.get(), text);
    if (!written.ok()) {
        if (::ftruncate(fd_.get(), static_cast<off_t>(place_.size)) < 0)
            return written.error();
        return written.error();
    }
    place_.size += text.size();
    return base::done();
}

Status LogWriter::rotate()
{
    auto const name = [&](std::uint32_t number) { return number == 0 ? path_ : path_ + "." + std::to_string(number); };
    if (keep_files_ == 0)
        ::unlink(path_.c_str());
    for (auto number = keep_files_; number > 0; --number)
        ::rename(name(number - 1).c_str(), name(number).c_str()); // A gap in the numbers is no harm.
    return open_file().context("rotate");
}

} // namespace nova::supervisor
