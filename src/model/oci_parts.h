#pragma once

#include "model/oci_config.h"
#include "model/oci_field.h"

/// The parts of config.json that have a source file of their own.
namespace nova::model::oci {

Status read(const Field& field, Process& process);
Status read(const Field& field, Linux& linux_part);
Status read(const Field& field, Resources& resources);
Status read(const Field& field, Seccomp& seccomp);
Status read(const Field& field, IdMapping& mapping);

} // namespace nova::model::oci
