// The parts of config.json that have a file of their own; only config.cc and those files include this.
#pragma once

#include "oci/config.h"
#include "oci/json-reader.h"

namespace tsc::oci {

Process read_process(const Reader& reader);
Resources read_resources(const Reader& reader);
Linux read_linux(const Reader& reader);
Hooks read_hooks(const Reader& reader);
/// Scheduling of a process: scheduler, ioPriority, execCPUAffinity.
void read_scheduling(const Reader& reader, Process& process);
MemoryPolicy read_memory_policy(const Reader& reader);
std::vector<IdMapping> read_id_mappings(const Reader& reader, const char* key);
/// "0-3,7" as a mask; empty text gives an empty mask.
NumberMask read_number_mask(const Reader& reader, const char* key);

}  // namespace tsc::oci
