// What a client says to the supervisor: a real one, in a thread of this program, with one process on record that has ended. Each
// message is answered, or ends its connection; and what reads answers and records reads these bytes too. Nothing is ever started.
#include <fcntl.h>
#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/must.h"
#include "supervisor/protocol.h"
#include "supervisor/record.h"
#include "supervisor/server.h"
#include "sys/file.h"
#include "sys/own_memory.h"
#include "sys/random.h"
#include "sys/signal_fd.h"
#include "sys/unix_socket.h"

namespace {

using namespace nova;
using nlohmann::json;
using supervisor::Record;

constexpr auto known_id = "ended";
constexpr auto patience = std::chrono::seconds{10};

const std::string& directory()
{
    static const auto path = "/tmp/nova-fuzz-" + sys::random_hex(12);
    return path;
}

void put_ended_process_on_record()
{
    auto const place = directory() + "/processes/" + known_id;
    sys::make_directories(place, 0700).value();
    Record record;
    record.spec.id = known_id;
    record.spec.argv = {"/bin/false"};
    record.spec.log.path = directory() + "/log";
    record.phase = Record::Phase::exited;
    record.exit_code = 3;
    supervisor::write_record(place, record).value();
}

void serve()
{
    sys::ignore_sigpipe();
    put_ended_process_on_record();
    supervisor::Server::Handles handles;
    handles.program = sys::open_file("/bin/false", O_RDONLY).value();
    handles.listener = sys::listen_unix(supervisor::socket_path(directory()), sys::SocketKind::packets).value();
    static auto const server = supervisor::Server::open(directory(), std::move(handles)).value();
    static std::jthread const thread{[] { server->run(); }};
    std::atexit([] {
        (void)sys::remove_tree(directory()).ok();
        std::_Exit(0); // The thread waits for ever.
    });
}

/// A specification that is read could be carried out, which is not for here; what it says comes back the same.
bool would_start(const json& message)
{
    auto const spec = supervisor::parse_spec(message.value("spec", json()));
    if (!spec.ok())
        return false;
    base::must(supervisor::is_process_id(spec.value().id), "an id is a name of a directory");
    auto const again = supervisor::parse_spec(json::parse(supervisor::to_text(supervisor::to_json(spec.value()))));
    base::must(again.ok() && again.value() == spec.value(), "a specification comes back the same");
    return true;
}

bool is_for_a_supervisor(const json& message)
{
    if (!message.is_object())
        return true;
    auto const call = message.value("call", json());
    bool const ends_it = call == "shut_down" || (call == "forget" && message.value("id", json()) == known_id);
    return !ends_it && !(call == "start" && would_start(message));
}

/// The alarm by which libFuzzer looks for what takes too long interrupts a poll(2), which must not count as no answer.
bool can_be_read(int fd)
{
    auto const deadline = base::Deadline::after(patience);
    pollfd entry{fd, POLLIN, 0};
    int ready = 0;
    while ((ready = ::poll(&entry, 1, deadline.poll_timeout_ms())) < 0 && errno == EINTR) {
    }
    return ready == 1;
}

void ask(const std::string& text)
{
    auto const connection = sys::connect_unix(supervisor::socket_path(directory()), sys::SocketKind::packets).value();
    if (!sys::send_message(connection.get(), text).ok())
        return; // Longer than the kernel takes.
    base::must(can_be_read(connection.get()), "the supervisor answers");
    auto const answer = sys::receive_message(connection.get(), supervisor::most_message_bytes);
    base::must(answer.ok() && answer.value(), "it says something before it closes");
    auto const said = supervisor::parse_answer(answer.value()->text);
    base::must(said.ok() || said.error().message() != "the supervisor gave no answer that can be read", "its answer can be read");
}

} // namespace

/// The search for leaks stops our other thread by a child of its own, which the supervisor reaps like any other: the thread then
/// stays stopped.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    [[maybe_unused]] static bool const serving = (serve(), true);
    std::string const text{reinterpret_cast<const char*>(data), size};
    if (auto const said = supervisor::parse_answer(text); said.ok())
        (void)supervisor::parse_status(said.value()).ok();
    if (!text.empty() && is_for_a_supervisor(json::parse(text, nullptr, false)))
        ask(text);
    return 0;
}
