#include "sys/kvm.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include <array>
#include <cstring>
#include <string>

#include "sys/file.h"
#include "sys/unique_fd.h"

namespace nova::sys {
namespace {

using base::Code;
using base::Error;
using base::Status;
using std::chrono::nanoseconds;
using Steady = std::chrono::steady_clock;

constexpr std::uint64_t page = 4096;
constexpr std::uint32_t short_loop = 2'000;
constexpr std::uint32_t long_loop = 1'000'000;
/// A CPU needs about a microsecond for the short loop and the hypervisor a few tens, nested, for entry and exit.
constexpr nanoseconds short_loop_is_slow{1'000'000};

/// 32-bit code: dec %ecx; jnz back; hlt.
constexpr std::array<unsigned char, 4> loop_code = {0x49, 0x75, 0xfd, 0xf4};

/// kvm_signal_mask and KVM_SET_SIGNAL_MASK as the kernel means them. Its header gives C++ another size and offset, because an
/// empty struct takes a byte there.
struct SignalMask {
    std::uint32_t length = 8; ///< The kernel's set is 64 bits, the C library's more.
    std::array<unsigned char, 8> set{};
};
constexpr unsigned long set_signal_mask = _IOC(_IOC_WRITE, KVMIO, 0x8b, 4);

/// Memory that is unmapped again.
class Mapping {
public:
    Mapping(std::size_t size, int flags, int fd) : size_(size)
    {
        address_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping()
    {
        if (ok())
            ::munmap(address_, size_);
    }
    bool ok() const { return address_ != MAP_FAILED; }
    void* get() const { return address_; }

private:
    std::size_t size_;
    void* address_;
};

/// Sends this thread, and nobody else, a signal once the time is up. The signal stays blocked: it never reaches a handler, it
/// only ends KVM_RUN, which is told to let it through (KVM_SET_SIGNAL_MASK).
class Interruption {
public:
    explicit Interruption(nanoseconds limit)
    {
        sigemptyset(&ours_);
        sigaddset(&ours_, signal_number());
        pthread_sigmask(SIG_BLOCK, &ours_, &before_);
        sigevent event{};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = signal_number();
        event._sigev_un._tid = gettid();
        armed_ = ::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
        itimerspec time{};
        time.it_value = {limit.count() / 1'000'000'000, limit.count() % 1'000'000'000};
        // Again and again: the first may arrive just before KVM_RUN is entered.
        time.it_interval = {0, 1'000'000};
        armed_ = armed_ && ::timer_settime(timer_, 0, &time, nullptr) == 0;
    }
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;
    ~Interruption()
    {
        if (armed_)
            ::timer_delete(timer_);
        timespec const at_once{0, 0};
        while (::sigtimedwait(&ours_, nullptr, &at_once) > 0) {
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

    bool armed() const { return armed_; }

    /// Every signal of this thread stays blocked as it was, but ours gets through while the guest runs.
    Status let_through(int cpu) const
    {
        auto mask = before_;
        sigdelset(&mask, signal_number());
        SignalMask argument;
        std::memcpy(argument.set.data(), &mask, argument.set.size());
        if (::ioctl(cpu, set_signal_mask, &argument) < 0)
            return Error::from_errno("KVM_SET_SIGNAL_MASK");
        return base::done();
    }

private:
    static int signal_number() { return SIGRTMIN + 7; }

    sigset_t ours_{};
    sigset_t before_{};
    timer_t timer_{};
    bool armed_ = false;
};

/// Flat 32-bit protected mode without paging: what every CPU with virtualisation runs by itself.
Status enter_protected_mode(int cpu)
{
    kvm_sregs special{};
    if (::ioctl(cpu, KVM_GET_SREGS, &special) < 0)
        return Error::from_errno("KVM_GET_SREGS");
    kvm_segment code{};
    code.limit = 0xffffffff;
    code.selector = 8;
    code.type = 11; // Execute, read, accessed.
    code.present = code.db = code.s = code.g = 1;
    auto data = code;
    data.selector = 16;
    data.type = 3; // Read, write, accessed.
    special.cs = code;
    special.ds = special.es = special.fs = special.gs = special.ss = data;
    special.cr0 |= 1;
    if (::ioctl(cpu, KVM_SET_SREGS, &special) < 0)
        return Error::from_errno("KVM_SET_SREGS");
    return base::done();
}

/// Counts down from `count` in the guest. False: the interruption came first.
Result<bool> run_guest(int cpu, const kvm_run& state, std::uint32_t count)
{
    kvm_regs registers{};
    registers.rip = 0;
    registers.rcx = count;
    registers.rflags = 2;
    if (::ioctl(cpu, KVM_SET_REGS, &registers) < 0)
        return Error::from_errno("KVM_SET_REGS");
    if (::ioctl(cpu, KVM_RUN, 0) < 0) {
        if (errno == EINTR || errno == EAGAIN)
            return false;
        return Error::from_errno("KVM_RUN");
    }
    if (state.exit_reason == KVM_EXIT_INTR)
        return false;
    if (state.exit_reason != KVM_EXIT_HLT)
        return Error{Code::unavailable, "KVM_RUN ended with exit reason " + std::to_string(state.exit_reason)};
    return true;
}

nanoseconds time_native(std::uint32_t count)
{
    auto const start = Steady::now();
    asm volatile("1: decl %0\n\tjnz 1b" : "+r"(count) : : "cc");
    return Steady::now() - start;
}

Result<KvmTiming> time_loop(int cpu, const kvm_run& state, std::uint32_t count)
{
    KvmTiming timing;
    timing.instructions = 2ull * count;
    timing.native = time_native(count);
    auto const start = Steady::now();
    timing.finished = TRY(run_guest(cpu, state, count));
    timing.guest = Steady::now() - start;
    return timing;
}

Result<KvmTiming> time_cpu(int cpu, const kvm_run& state, const Interruption& interruption)
{
    TRY(enter_protected_mode(cpu));
    TRY(interruption.let_through(cpu));
    if (!TRY(run_guest(cpu, state, 1))) // The first entry pays for page faults and caches.
        return KvmTiming{.instructions = 2, .native = nanoseconds{1}, .guest = nanoseconds{0}, .finished = false};
    auto const brief = TRY(time_loop(cpu, state, short_loop));
    if (!brief.finished || brief.guest > short_loop_is_slow)
        return brief;
    return time_loop(cpu, state, long_loop);
}

Result<UniqueFd> make(int from, unsigned long request, unsigned long argument, const char* doing)
{
    UniqueFd fd{::ioctl(from, request, argument)};
    if (!fd)
        return Error::from_errno(doing);
    return fd;
}

} // namespace

Result<KvmTiming> time_kvm(nanoseconds limit)
{
    auto const kvm = TRY(open_file("/dev/kvm", O_RDWR));
    auto const machine = TRY(make(kvm.get(), KVM_CREATE_VM, 0, "KVM_CREATE_VM"));
    ::ioctl(machine.get(), KVM_SET_TSS_ADDR, 0xfffbd000); // Wanted by old Intel CPUs only, refused by none that matters.
    Mapping const memory{page, MAP_PRIVATE | MAP_ANONYMOUS, -1};
    if (!memory.ok())
        return Error::from_errno("map a page for the guest");
    std::memcpy(memory.get(), loop_code.data(), loop_code.size());
    kvm_userspace_memory_region const region{0, 0, 0, page, reinterpret_cast<std::uint64_t>(memory.get())};
    if (::ioctl(machine.get(), KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return Error::from_errno("KVM_SET_USER_MEMORY_REGION");
    auto const cpu = TRY(make(machine.get(), KVM_CREATE_VCPU, 0, "KVM_CREATE_VCPU"));
    auto const size = ::ioctl(kvm.get(), KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < static_cast<int>(sizeof(kvm_run)))
        return Error{Code::unavailable, "KVM_GET_VCPU_MMAP_SIZE gives no usable size"};
    Mapping const state{static_cast<std::size_t>(size), MAP_SHARED, cpu.get()};
    if (!state.ok())
        return Error::from_errno("map the guest's CPU");
    Interruption const interruption{limit};
    if (!interruption.armed())
        return Error{Code::unavailable, "no timer to bound the guest with"};
    return time_cpu(cpu.get(), *static_cast<kvm_run*>(state.get()), interruption);
}

} // namespace nova::sys
