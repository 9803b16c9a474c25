#include "model/description.h"
#include "model/kinds.h"

/// Namespace, Node and Event: what is about other objects.
namespace nova::model {

const Description& describe(const Namespace*)
{
    static auto const description = describe_as<Namespace>({
        field("metadata", &Namespace::meta, "Name, labels and history.").required(),
        group("spec", "Nothing yet.", {accepted("finalizers", "")}),
        group("status", "How it is.",
              {field("phase", &Namespace::phase, "Active or Terminating.").column("STATUS"), accepted("conditions", "")}),
    });
    return description;
}

const Description& describe(const NodeStatus*)
{
    static auto const description = describe_as<NodeStatus>({
        field("version", &NodeStatus::version, "Of Nova.").column("VERSION"),
        field("kernel", &NodeStatus::kernel, "Release of the kernel.").column("KERNEL", 1),
        field("cpus", &NodeStatus::cpus, "How many it has.").column("CPUS"),
        field("memory", &NodeStatus::memory, "How much it has.").column("MEMORY"),
        field("acceleration", &NodeStatus::acceleration, "How machines run here: kvm or tcg, as measured.")
            .column("ACCELERATION"),
        field("accelerationReason", &NodeStatus::acceleration_reason, "Why."),
        field("conditions", &NodeStatus::conditions, "What is going on, in words."),
    });
    return description;
}

const Description& describe(const Node*)
{
    static auto const description = describe_as<Node>({
        field("metadata", &Node::meta, "Name, labels and history.").required(),
        group("spec", "Nothing yet.", {accepted("unschedulable", "")}),
        field("status", &Node::status, "What it is."),
    });
    return description;
}

const Description& describe(const Event*)
{
    static auto const description = describe_as<Event>({
        field("metadata", &Event::meta, "Name, labels and history.").required(),
        field("lastTimestamp", &Event::last, "When it was last seen.").must_be(rfc3339_time()).column("LAST SEEN", 0, "date"),
        field("type", &Event::type, "Whether all is well.").one_of({"Normal", "Warning"}).column("TYPE"),
        field("reason", &Event::reason, "What happened, in one CamelCase word.").column("REASON"),
        group("involvedObject", "What it is about.",
              {field("kind", &Event::regarding, &Key::kind, "Its kind.").column("KIND"),
               field("namespace", &Event::regarding, &Key::space, "Its namespace."),
               field("name", &Event::regarding, &Key::name, "Its name.").column("OBJECT"),
               field("uid", &Event::regarding_uid, "Its uid."), accepted("apiVersion", ""), accepted("resourceVersion", ""),
               accepted("fieldPath", "")}),
        field("message", &Event::message, "What happened, in a sentence.").column("MESSAGE"),
        field("firstTimestamp", &Event::first, "When it was first seen.").must_be(rfc3339_time()),
        field("count", &Event::count, "How often it was seen.").column("COUNT", 1),
        accepted("source", ""),
        accepted("reportingComponent", ""),
        accepted("reportingInstance", ""),
        accepted("eventTime", ""),
        accepted("action", ""),
    });
    return description;
}

const KindDescription& describe_kind(const Namespace* space)
{
    static KindDescription const kind{{"",
                                       "v1",
                                       "Namespace",
                                       "namespaces",
                                       "namespace",
                                       {"ns"},
                                       false,
                                       "A room for names, so that two projects can use the same.",
                                       {}},
                                      &describe(space)};
    return kind;
}

const KindDescription& describe_kind(const Node* node)
{
    static KindDescription const kind{{"", "v1", "Node", "nodes", "node", {"no"}, false, "A host that runs workloads.", {}},
                                      &describe(node)};
    return kind;
}

const KindDescription& describe_kind(const Event* event)
{
    static KindDescription const kind{
        {"", "v1", "Event", "events", "event", {"ev"}, true, "Something that happened to an object, in words.", {}},
        &describe(event)};
    return kind;
}

} // namespace nova::model
