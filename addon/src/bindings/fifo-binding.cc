// makeFifo, setPipeSize, spliceToFile: packages/linux/src/fifo.ts. None of them waits, so none needs a thread.
#include <climits>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/error-conversion.h"
#include "linux/fifo-splice.h"

namespace tsc {
namespace {

Napi::Value make_fifo_call(const Napi::CallbackInfo& info) {
  return converting_errors(info.Env(), [&] {
    make_fifo(path_argument(info, 0, "path"), static_cast<mode_t>(integer_argument(info, 1, "mode", 0, 0777)));
    return info.Env().Undefined();
  });
}

Napi::Value set_pipe_size_call(const Napi::CallbackInfo& info) {
  return converting_errors(info.Env(), [&] {
    const int size = set_pipe_size(static_cast<int>(integer_argument(info, 0, "fd", 0, INT_MAX)),
                                   static_cast<int>(integer_argument(info, 1, "bytes", 0, INT_MAX)));
    return Napi::Number::New(info.Env(), size);
  });
}

Napi::Value splice_to_file_call(const Napi::CallbackInfo& info) {
  return converting_errors(info.Env(), [&] {
    const ssize_t moved = splice_to_file(static_cast<int>(integer_argument(info, 0, "pipeFd", 0, INT_MAX)),
                                         static_cast<int>(integer_argument(info, 1, "fileFd", 0, INT_MAX)),
                                         static_cast<std::size_t>(integer_argument(info, 2, "length", 1, INT_MAX)));
    return Napi::Number::New(info.Env(), static_cast<double>(moved));
  });
}

}  // namespace

void export_fifo(Napi::Env env, Napi::Object& exports) {
  exports.Set("makeFifo", Napi::Function::New(env, make_fifo_call, "makeFifo"));
  exports.Set("setPipeSize", Napi::Function::New(env, set_pipe_size_call, "setPipeSize"));
  exports.Set("spliceToFile", Napi::Function::New(env, splice_to_file_call, "spliceToFile"));
}

}  // namespace tsc
