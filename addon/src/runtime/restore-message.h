// The two messages between the halves of a monitored restore, as JSON: what is asked, and how it went.
#pragma once

#include <string>

#include "runtime/checkpoint.h"

namespace tsc {

struct RestoreOrder {
  RuntimeConfig config;
  CreateRequest request;
  CriuOptions criu;
  std::string path;  // the caller's PATH, in which criu and its instruments are looked for
};

struct RestoreOutcome {
  pid_t pid = 0;
  Warnings warnings;
};

std::string encode_order(const RestoreOrder& order);
RestoreOrder decode_order(const std::string& text);

std::string encode_outcome(const RestoreOutcome& outcome);
std::string encode_failure(const RuntimeError& error);
/// Throws the error that was told.
RestoreOutcome decode_outcome(const std::string& text);

}  // namespace tsc
