#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

/// config.json of the OCI runtime specification 1.3, as plain data. Names follow the specification in snake_case.
namespace nova::model::oci {

using base::Result;

struct User {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::optional<std::uint32_t> umask;
    std::vector<std::uint32_t> additional_gids;
};

struct Capabilities {
    std::vector<std::string> bounding;
    std::vector<std::string> effective;
    std::vector<std::string> inheritable;
    std::vector<std::string> permitted;
    std::vector<std::string> ambient;
};

struct Rlimit {
    std::string type; ///< RLIMIT_NOFILE
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
};

struct Scheduler {
    std::string policy; ///< SCHED_OTHER
    std::int32_t nice = 0;
    std::int32_t priority = 0;
    std::vector<std::string> flags;
    std::optional<std::uint64_t> runtime; ///< Nanoseconds, as deadline and period.
    std::optional<std::uint64_t> deadline;
    std::uint64_t period = 0;
};

struct IoPriority {
    std::string io_class; ///< IOPRIO_CLASS_BE
    std::int32_t priority = 0;
};

struct CpuAffinity {
    std::string initial; ///< "0-3,5": while the process is set up.
    std::string final;   ///< For the process itself.
};

struct ConsoleSize {
    std::uint16_t height = 0;
    std::uint16_t width = 0;
};

/// What may be done beneath some paths. Names are the kernel's, in lower case: "read_file", "execute".
struct LandlockPathRule {
    std::vector<std::string> allowed_access;
    std::vector<std::string> paths; ///< In the container.
};

struct LandlockPortRule {
    std::vector<std::string> allowed_access; ///< bind_tcp, connect_tcp
    std::vector<std::uint16_t> ports;
};

/// Not in the specification yet. The shape is that of its open proposal (process.landlock), and handledAccessNet, netPort and
/// scoped beside it, which the kernel learned later.
struct Landlock {
    std::vector<std::string> handled_access_fs; ///< What is denied where no rule allows it.
    std::vector<std::string> handled_access_net;
    std::vector<std::string> scoped; ///< abstract_unix_socket, signal
    std::vector<LandlockPathRule> path_beneath;
    std::vector<LandlockPortRule> net_port;
    bool disable_best_effort = false; ///< What this kernel does not know is an error, and not left out.
};

struct Process {
    bool terminal = false;
    std::optional<ConsoleSize> console_size;
    User user;
    std::vector<std::string> args;
    std::vector<std::string> env;
    std::string cwd;
    std::optional<Capabilities> capabilities;
    std::vector<Rlimit> rlimits;
    bool no_new_privileges = false;
    std::string apparmor_profile;
    std::string selinux_label;
    std::optional<std::int32_t> oom_score_adj;
    std::optional<Scheduler> scheduler;
    std::optional<IoPriority> io_priority;
    std::optional<CpuAffinity> exec_cpu_affinity;
    std::optional<Landlock> landlock;
};

struct IdMapping {
    std::uint32_t container_id = 0;
    std::uint32_t host_id = 0;
    std::uint32_t size = 0;
};

struct Mount {
    std::string destination;
    std::string type;
    std::string source;
    std::vector<std::string> options;
    std::vector<IdMapping> uid_mappings;
    std::vector<IdMapping> gid_mappings;
};

struct Hook {
    std::string path;
    std::vector<std::string> args;
    std::vector<std::string> env;
    std::optional<std::int64_t> timeout_seconds;
};

struct Hooks {
    std::vector<Hook> prestart;
    std::vector<Hook> create_runtime;
    std::vector<Hook> create_container;
    std::vector<Hook> start_container;
    std::vector<Hook> poststart;
    std::vector<Hook> poststop;
};

struct Namespace {
    std::string type; ///< mount pid network ipc uts user cgroup time
    std::string path; ///< Empty: a new one.
};

struct Device {
    std::string path;
    std::string type; ///< c b u p
    std::int64_t major = 0;
    std::int64_t minor = 0;
    std::optional<std::uint32_t> file_mode;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
};

struct DeviceRule {
    bool allow = false;
    std::string type = "a";            ///< a c b
    std::optional<std::int64_t> major; ///< Empty: every one.
    std::optional<std::int64_t> minor;
    std::string access = "rwm";
};

struct MemoryLimits {
    std::optional<std::int64_t> limit;
    std::optional<std::int64_t> reservation;
    std::optional<std::int64_t> swap; ///< Memory and swap together.
    std::optional<std::int64_t> kernel;
    std::optional<std::int64_t> kernel_tcp;
    std::optional<std::uint64_t> swappiness;
    bool disable_oom_killer = false;
    bool check_before_update = false;
};

struct CpuLimits {
    std::optional<std::uint64_t> shares;
    std::optional<std::int64_t> quota;
    std::optional<std::uint64_t> burst;
    std::optional<std::uint64_t> period;
    std::optional<std::int64_t> realtime_runtime;
    std::optional<std::uint64_t> realtime_period;
    std::string cpus;
    std::string mems;
    std::optional<std::int64_t> idle;
};

struct BlockDeviceLimit {
    std::int64_t major = 0;
    std::int64_t minor = 0;
    std::uint64_t rate = 0;              ///< For throttling.
    std::optional<std::uint16_t> weight; ///< For weightDevice.
    std::optional<std::uint16_t> leaf_weight;
};

struct BlockLimits {
    std::optional<std::uint16_t> weight;
    std::optional<std::uint16_t> leaf_weight;
    std::vector<BlockDeviceLimit> weight_device;
    std::vector<BlockDeviceLimit> read_bps;
    std::vector<BlockDeviceLimit> write_bps;
    std::vector<BlockDeviceLimit> read_iops;
    std::vector<BlockDeviceLimit> write_iops;
};

struct HugepageLimit {
    std::string page_size;
    std::uint64_t limit = 0;
};

struct NetworkPriority {
    std::string name;
    std::uint32_t priority = 0;
};

struct RdmaLimit {
    std::optional<std::uint32_t> handles;
    std::optional<std::uint32_t> objects;
};

struct Resources {
    std::vector<DeviceRule> devices;
    MemoryLimits memory;
    CpuLimits cpu;
    std::optional<std::int64_t> pids_limit;
    BlockLimits block_io;
    std::vector<HugepageLimit> hugepage_limits;
    std::optional<std::uint32_t> network_class;
    std::vector<NetworkPriority> network_priorities;
    std::map<std::string, RdmaLimit> rdma;
    std::map<std::string, std::string> unified;
};

struct SeccompArgument {
    std::uint32_t index = 0;
    std::uint64_t value = 0;
    std::uint64_t value_two = 0;
    std::string op;
};

struct SeccompRule {
    std::vector<std::string> names;
    std::string action;
    std::optional<std::uint32_t> errno_return;
    std::vector<SeccompArgument> args;
};

struct Seccomp {
    std::string default_action;
    std::optional<std::uint32_t> default_errno_return;
    std::vector<std::string> architectures;
    std::vector<std::string> flags;
    std::string listener_path;
    std::string listener_metadata;
    std::vector<SeccompRule> syscalls;
    std::string source;    ///< The JSON it was read from: what a compiled program is cached by.
    bool is_known = false; ///< Its source was known (KnowsSeccomp), and nothing else of it was read.
};

struct IntelRdt {
    std::string clos_id; ///< One name, or "/". Empty: the container's id.
    std::string l3_cache_schema;
    std::string mem_bw_schema;
    std::vector<std::string> schemata;
    bool enable_monitoring = false; ///< Or one of its two forerunners, until version 1.2.1 of the specification.
};

/// One name that a class of resctrl may have, or "/" for the default class.
bool is_rdt_class(std::string_view name);

struct MemoryPolicy {
    std::string mode; ///< MPOL_BIND
    std::string nodes;
    std::vector<std::string> flags;
};

struct TimeOffset {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
};

struct Personality {
    std::string domain; ///< LINUX | LINUX32
    std::vector<std::string> flags;
};

/// A network device of the host that moves into the container.
struct NetDevice {
    std::string name; ///< Inside; "eth%d" lets the kernel number it. Empty: as on the host.
};

struct Linux {
    std::vector<Namespace> namespaces;
    std::vector<IdMapping> uid_mappings;
    std::vector<IdMapping> gid_mappings;
    std::map<std::string, TimeOffset> time_offsets; ///< By clock: "monotonic", "boottime".
    std::vector<Device> devices;
    std::string cgroups_path;
    Resources resources;
    std::string rootfs_propagation;
    std::optional<Seccomp> seccomp;
    std::map<std::string, std::string> sysctl;
    std::vector<std::string> masked_paths;
    std::vector<std::string> readonly_paths;
    std::string mount_label;
    std::optional<IntelRdt> intel_rdt;
    std::optional<Personality> personality;
    std::map<std::string, NetDevice> net_devices; ///< By the name on the host.
    std::optional<MemoryPolicy> memory_policy;
};

struct Config {
    std::string version; ///< ociVersion
    std::string rootfs;  ///< root.path, as written: relative to the bundle.
    bool read_only_rootfs = false;
    std::optional<Process> process;
    std::string hostname;
    std::string domainname;
    std::vector<Mount> mounts;
    Hooks hooks;
    Linux platform; ///< JSON: linux, which GCC defines as a macro.
    std::map<std::string, std::string> annotations;
};

/// Whether the very text of a linux.seccomp was read, and found to be right, before. Most of a configuration is that.
using KnowsSeccomp = std::function<bool(std::string_view text)>;
inline bool needs_no_seccomp(std::string_view) { return true; } ///< For who asks nothing about it.

/// Reads config.json. Unknown keys are passed over, as the specification asks.
/// Errors: invalid_argument - names the field ("linux.namespaces[2].type: …") or the place in the text.
Result<Config> parse_config(std::string_view text, KnowsSeccomp knows = {});

/// Reads a process object alone (`nb exec --process`).
Result<Process> parse_process(std::string_view text);

/// Reads a resources object alone (`nb update --resources`).
Result<Resources> parse_resources(std::string_view text);

} // namespace nova::model::oci
