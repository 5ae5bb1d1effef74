// The parts of config.json that have a file of their own; only config.cc and those files include this.
#pragma once

#include "oci/config.h"
#include "oci/json-reader.h"

namespace tsc::oci {

Process read_process(const Reader& reader);
Resources read_resources(const Reader& reader);
Linux read_linux(const Reader& reader);

}  // namespace tsc::oci
