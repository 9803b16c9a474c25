#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "model/object.h"

/// The typed form of every kind. What a field is called in JSON, its default, rules and documentation stand in one place
/// in the file of the kind (network.cpp, pod.cpp): its description (description.h). Each kind K offers
///   Result<K> from_json<K>(json)   and   json to_json(const K&).
namespace nova::model {

struct KindDescription;

// ---- Network (nanocloud.io/v1) ----------------------------------------------------------------------------------------

struct NetworkSpec {
    std::string type = "bridge"; ///< bridge | overlay | host | none
    std::string profile = "nat"; ///< internal | external | nat
    std::string subnet;          ///< CIDR; the host part, if not zero, is the gateway: "10.88.0.1/24". Empty: Nova picks one.
    std::string gateway;         ///< Default: the first address of the subnet.
    std::string dhcp_range;      ///< "10.88.0.50-10.88.0.150". JSON: dhcpRange. Empty: no DHCP pool.
    bool dns = true;             ///< Names of the network's workloads resolve.
    std::vector<std::string> interfaces; ///< Uplinks put onto the bridge (profile external).
    std::string uplink;                  ///< Where nat leaves the host. Empty: by the routing table.
    std::string driver;                  ///< overlay: "quic" | "vxlan"
    std::string bridge;                  ///< Name of the link. Empty: the network's own name where it fits.
    bool stp = false;
};

/// An address that a workload holds on a network.
struct Attachment {
    std::string kind; ///< "Pod" or "VirtualMachine"
    std::string name;
    std::string address; ///< "10.88.0.12"
    std::string mac;
    std::string link; ///< Host side: veth or tap.
    bool operator==(const Attachment&) const = default;
};

struct NetworkStatus {
    std::string phase; ///< Pending | Active | Failed | Terminating
    std::string bridge;
    std::string subnet;
    std::string gateway;
    std::vector<Attachment> attachments;
    std::vector<Condition> conditions;
    std::int64_t observed_generation = 0;
};

struct Network {
    Meta meta;
    NetworkSpec spec;
    NetworkStatus status;
};

// ---- Image (nanocloud.io/v1) ------------------------------------------------------------------------------------------

struct ImageSpec {
    std::string reference; ///< "web:latest"
    std::string source;    ///< Absolute path of an OCI layout directory, an OCI archive or a docker archive.
};

struct ImageStatus {
    std::string phase;  ///< Pending | Importing | Ready | Failed | Terminating
    std::string digest; ///< "sha256:…" of the manifest.
    std::uint64_t size_bytes = 0;
    std::vector<Condition> conditions;
    std::int64_t observed_generation = 0;
    std::string attempt; ///< The restart annotation's value at the last import.
};

struct Image {
    Meta meta;
    ImageSpec spec;
    ImageStatus status;
};

// ---- Pod (v1): a capsule ----------------------------------------------------------------------------------------------

struct EnvVar {
    std::string name;
    std::string value;
    bool operator==(const EnvVar&) const = default;
};

struct ContainerPort {
    std::uint16_t container_port = 0; ///< JSON: containerPort
    std::uint16_t host_port = 0;      ///< JSON: hostPort. 0: not published.
    std::string host_ip;              ///< JSON: hostIP. Empty: every address.
    std::string protocol = "TCP";     ///< TCP | UDP
    std::string name;                 ///< For Services to refer to.
    bool operator==(const ContainerPort&) const = default;
};

struct VolumeMount {
    std::string name;       ///< Which of the pod's volumes.
    std::string mount_path; ///< JSON: mountPath
    bool read_only = false; ///< JSON: readOnly
};

struct Volume {
    std::string name;
    std::optional<std::string> host_path; ///< JSON: hostPath.path
    std::optional<std::string> claim;     ///< JSON: persistentVolumeClaim.claimName: a named volume.
};

struct Container {
    std::string name;
    std::string image;
    std::vector<std::string> command; ///< Replaces the image's entrypoint.
    std::vector<std::string> args;    ///< Replaces the image's command.
    std::string working_dir;          ///< JSON: workingDir
    std::vector<EnvVar> env;
    std::vector<ContainerPort> ports;
    std::vector<VolumeMount> volume_mounts;  ///< JSON: volumeMounts
    std::optional<base::Bytes> memory_limit; ///< JSON: resources.limits.memory
    std::optional<double> cpu_limit;         ///< JSON: resources.limits.cpu, in CPUs ("500m", "1.5")
    bool read_only_root = false;             ///< JSON: securityContext.readOnlyRootFilesystem
    bool no_new_privileges = true;           ///< JSON: securityContext.noNewPrivileges (our extension)
    bool privileged = false;                 ///< JSON: securityContext.privileged
    std::optional<std::int64_t> run_as_user; ///< JSON: securityContext.runAsUser
    bool tty = false;
    bool stdin_open = false; ///< JSON: stdin
};

struct PodSpec {
    std::vector<Container> containers; ///< Exactly one in this version.
    std::vector<Volume> volumes;
    std::string network;                   ///< Ours: which Network; empty: none but loopback.
    std::string hostname;                  ///< Default: the pod's name.
    bool host_network = false;             ///< JSON: hostNetwork
    std::string restart_policy = "Always"; ///< JSON: restartPolicy. Always | OnFailure | Never
    bool running = true;                   ///< Ours: whether it shall run; `nova stop` sets it false.
    std::int64_t grace_seconds = 10;       ///< JSON: terminationGracePeriodSeconds
};

struct ContainerStatus {
    std::string name;
    std::string state; ///< waiting | running | terminated. JSON: state.running{startedAt}, state.terminated{exitCode, …}
    std::string reason;
    std::int64_t pid = 0;
    std::optional<std::int64_t> exit_code; ///< Absent while running and where it cannot be known any more.
    std::int64_t restarts = 0;             ///< JSON: restartCount
    std::string started;                   ///< RFC 3339
    std::string finished;                  ///< RFC 3339
    std::string image_id;                  ///< Digest. JSON: imageID
    bool operator==(const ContainerStatus&) const = default;
};

struct PodStatus {
    std::string phase;                       ///< Pending | Running | Succeeded | Failed | Stopped | Unknown | Terminating
    std::string pod_ip;                      ///< JSON: podIP
    std::vector<ContainerStatus> containers; ///< JSON: containerStatuses
    std::vector<Condition> conditions;
    std::int64_t observed_generation = 0;
    std::string attempt; ///< The restart annotation's value that this status is about.
};

struct Pod {
    Meta meta;
    PodSpec spec;
    PodStatus status;
};

// ---- VirtualMachine (nanocloud.io/v1) ---------------------------------------------------------------------------------

struct MachineSpec {
    std::uint32_t cpu = 2;
    base::Bytes memory{1ull << 30};
    std::string image;     ///< Absolute path of a base disk image (qcow2 or raw); empty: boots without a disk.
    base::Bytes disk_size; ///< Size of the machine's own overlay; 0: as large as the image. JSON: diskSize
    std::string kernel;    ///< Absolute path: direct kernel boot.
    std::string initramfs; ///< Absolute path.
    std::string cmdline;   ///< Kernel command line.
    std::string network;
    std::string mac;                   ///< Default: 52:54: and four bytes derived from the name.
    std::string acceleration = "auto"; ///< auto | kvm | tcg
    bool running = true;
    std::int64_t grace_seconds = 30; ///< From the power button to the kill. JSON: gracePeriodSeconds
};

struct MachineStatus {
    std::string phase; ///< Pending | Starting | Running | Stopping | Stopped | Failed | Unknown | Terminating
    std::int64_t pid = 0;
    std::string address;
    std::string mac;
    std::string acceleration; ///< What is used: kvm | tcg
    std::optional<std::int64_t> exit_code;
    std::string started;
    std::string finished;
    std::vector<Condition> conditions;
    std::int64_t observed_generation = 0;
    std::string attempt; ///< The restart annotation's value that this status is about.
};

struct VirtualMachine {
    Meta meta;
    MachineSpec spec;
    MachineStatus status;
};

// ---- Namespace, Node, Event (v1) --------------------------------------------------------------------------------------

struct Namespace {
    Meta meta;
    std::string phase = "Active"; ///< JSON: status.phase
};

struct NodeStatus {
    std::string version; ///< Nova's.
    std::string kernel;  ///< uname -r
    std::uint32_t cpus = 0;
    base::Bytes memory;
    std::string acceleration; ///< kvm | tcg, as measured.
    std::string acceleration_reason;
    std::vector<Condition> conditions;
};

struct Node {
    Meta meta;
    NodeStatus status;
};

struct Event {
    Meta meta;
    Key regarding; ///< JSON: involvedObject {kind, namespace, name}
    std::string regarding_uid;
    std::string type = "Normal"; ///< Normal | Warning
    std::string reason;
    std::string message;
    std::string first; ///< RFC 3339. JSON: firstTimestamp
    std::string last;  ///< RFC 3339. JSON: lastTimestamp
    std::int64_t count = 1;
};

/// "web" -> "web:latest"; a reference with a tag or a digest stays as it is.
std::string full_reference(const std::string& reference);

/// The name of the Image object that stands for a reference: "web:latest" -> "web-latest", "lib/web:1.0" -> "lib-web-1.0".
std::string image_object_name(const std::string& reference);

// ---- to and from JSON -------------------------------------------------------------------------------------------------

const KindDescription& describe_kind(const Network*);
const KindDescription& describe_kind(const Image*);
const KindDescription& describe_kind(const Pod*);
const KindDescription& describe_kind(const VirtualMachine*);
const KindDescription& describe_kind(const Namespace*);
const KindDescription& describe_kind(const Node*);
const KindDescription& describe_kind(const Event*);

const std::string& name_of(const KindDescription& kind);

/// "Pod", as the description of the kind says it.
template <typename K>
const std::string& kind_name()
{
    return name_of(describe_kind(static_cast<const K*>(nullptr)));
}

template <typename K>
requires requires(const K* kind) { describe_kind(kind); }
Key key_of(const K& object) { return {kind_name<K>(), object.meta.space, object.meta.name}; }

/// The untyped halves of from_json and to_json.
base::Status read_kind(const KindDescription& kind, const nlohmann::json& input, void* object);
nlohmann::json print_kind(const KindDescription& kind, const void* object);

/// Reads, fills in the defaults and validates. apiVersion and kind may be absent.
/// Errors: invalid_argument with one Cause for each thing wrong.
template <typename K>
base::Result<K> from_json(const nlohmann::json& object)
{
    K typed;
    TRY(read_kind(describe_kind(static_cast<const K*>(nullptr)), object, &typed));
    return typed;
}

/// The canonical JSON, with apiVersion and kind. Fields that are empty, and empty by default, are left out.
template <typename K>
requires requires(const K* kind) { describe_kind(kind); }
nlohmann::json to_json(const K& object) { return print_kind(describe_kind(static_cast<const K*>(nullptr)), &object); }

} // namespace nova::model
