// The class Runtime: OCI verbs as promises, exits as callbacks. packages/linux/src/runtime-manager.ts opens it.
//
// A process is watched from the JavaScript thread, after its verb's promise was resolved: so no exit is told before the
// process is known.
#include <climits>
#include <csignal>
#include <memory>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/loop-poll.h"
#include "bindings/promise-worker.h"
#include "bindings/runtime-conversion.h"
#include "bindings/thread-promise.h"
#include "linux/monitor-process.h"
#include "runtime/exit-watcher.h"
#include "runtime/monitored-restore.h"

namespace tsc {
namespace {

/// What outlives a JavaScript object that is collected while its work is still under way.
struct Session {
  RuntimeConfig config;
  Napi::FunctionReference on_exit;
  Napi::FunctionReference on_oom;
  std::unique_ptr<Napi::AsyncContext> context;
  std::unique_ptr<ExitWatcher> watcher;
  std::unique_ptr<LoopPoll> poll;

  /// Idempotent. Nothing is told any more.
  void close() {
    poll.reset();
    if (watcher) watcher->close();
    on_exit.Reset();
    on_oom.Reset();
    context.reset();
  }

  /// As an event of the loop: what the function leaves to microtasks is done when it returns.
  void tell(const Napi::FunctionReference& function, napi_value argument) const {
    if (function.IsEmpty()) return;
    try {
      function.MakeCallback(function.Env().Global(), {argument}, *context);
    } catch (const Napi::Error& error) {
      napi_fatal_exception(function.Env(), error.Value());
    }
  }
};
using SharedSession = std::shared_ptr<Session>;

/// A created process and, for an init, the events of its cgroup.
struct Watchable {
  CreatedProcess created;
  UniqueFd oom_events;
};

class RuntimeBinding : public Napi::ObjectWrap<RuntimeBinding> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Runtime",
                       {
                           InstanceMethod<&RuntimeBinding::create>("create"),
                           InstanceMethod<&RuntimeBinding::restore>("restore"),
                           InstanceMethod<&RuntimeBinding::checkpoint>("checkpoint"),
                           InstanceMethod<&RuntimeBinding::start>("start"),
                           InstanceMethod<&RuntimeBinding::exec>("exec"),
                           InstanceMethod<&RuntimeBinding::kill>("kill"),
                           InstanceMethod<&RuntimeBinding::remove>("delete"),
                           InstanceMethod<&RuntimeBinding::remove_exec>("deleteExec"),
                           InstanceMethod<&RuntimeBinding::state>("state"),
                           InstanceMethod<&RuntimeBinding::pids>("pids"),
                           InstanceMethod<&RuntimeBinding::pause>("pause"),
                           InstanceMethod<&RuntimeBinding::resume>("resume"),
                           InstanceMethod<&RuntimeBinding::update>("update"),
                           InstanceMethod<&RuntimeBinding::stats>("stats"),
                           InstanceMethod<&RuntimeBinding::resize_pty>("resizePty"),
                           InstanceMethod<&RuntimeBinding::close_stdin>("closeStdin"),
                           InstanceMethod<&RuntimeBinding::adopt>("adopt"),
                           InstanceMethod<&RuntimeBinding::prepare_monitor>("prepareMonitor"),
                           InstanceMethod<&RuntimeBinding::close>("close"),
                       });
  }

  explicit RuntimeBinding(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<RuntimeBinding>(info), session_(std::make_shared<Session>()) {
    Napi::Env env = info.Env();
    session_->config = {path_argument(info, 0, "root"), path_argument(info, 1, "tsrunc")};
    session_->on_exit = Napi::Persistent(function_argument(info, 2, "onExit"));
    session_->on_oom = Napi::Persistent(function_argument(info, 3, "onOom"));
    session_->context = std::make_unique<Napi::AsyncContext>(env, "runtime events");
    converting_errors(env, [&] { open_watcher(env); });
    // Nothing of it may be called in an environment that is torn down.
    env.AddCleanupHook([](SharedSession* session) { (*session)->close(), delete session; },
                       new SharedSession(session_));
  }

 private:
  /// The session owns the watcher and its poll, so that both are gone before it is.
  void open_watcher(Napi::Env env) {
    Session* session = session_.get();
    session->watcher = std::make_unique<ExitWatcher>(
        session->config,
        [session, env](const ExitRecord& record) { session->tell(session->on_exit, to_js(env, record)); },
        [session, env](const std::string& id) { session->tell(session->on_oom, Napi::String::New(env, id)); });
    session->poll = std::make_unique<LoopPoll>(env, session->watcher->fd(), [session] { session->watcher->tell_ready(); });
  }

  static Napi::Value watched(Napi::Env env, const SharedSession& session, const std::string& id,
                             const std::string& exec_id, Watchable& process) {
    Napi::Object object = to_js(env, process.created);
    session->watcher->watch_oom(id, std::move(process.oom_events));
    session->watcher->watch_exit(id, exec_id, std::move(process.created.exit_fd));
    return object;
  }

  static Watchable with_oom_events(const RuntimeConfig& config, const std::string& id, CreatedProcess created) {
    Watchable process{std::move(created), {}};
    try {
      process.oom_events = open_oom_events(config, id);
    } catch (const RuntimeError& error) {
      process.created.warnings.push_back(std::string("OOM kills will not be told: ") + error.what());
    }
    return process;
  }

  Napi::Value create(const Napi::CallbackInfo& info) {
    CreateRequest request = to_create_request(object_argument(info, 0, "request"));
    const std::string id = request.id;
    return promise_of(
        info.Env(),
        [session = session_, request = std::move(request)] {
          return with_oom_events(session->config, request.id, create_container(session->config, request));
        },
        [session = session_, id](Napi::Env env, Watchable& process) { return watched(env, session, id, "", process); });
  }

  /// On a thread of its own, as checkpoint: criu takes as long as the container's memory is large.
  Napi::Value restore(const Napi::CallbackInfo& info) {
    const Napi::Object object = object_argument(info, 0, "request");
    CreateRequest request = to_create_request(object);
    const std::string id = request.id;
    return promise_on_thread(
        info.Env(),
        [session = session_, request = std::move(request), options = to_restore_options(object)] {
          return with_oom_events(session->config, request.id,
                                 restore_under_monitor(session->config, request, options));
        },
        [session = session_, id](Napi::Env env, Watchable& process) { return watched(env, session, id, "", process); });
  }

  Napi::Value checkpoint(const Napi::CallbackInfo& info) {
    return promise_on_thread(
        info.Env(),
        [session = session_, id = id_argument(info),
         options = to_checkpoint_options(object_argument(info, 1, "request"))] {
          return checkpoint_container(session->config, id, options);
        },
        [](Napi::Env env, const Warnings& warnings) { return to_js(env, warnings); });
  }

  Napi::Value exec(const Napi::CallbackInfo& info) {
    ExecRequest request = to_exec_request(object_argument(info, 0, "request"));
    const std::string id = request.id;
    const std::string exec_id = request.exec_id;
    return promise_of(
        info.Env(),
        [session = session_, request = std::move(request)] {
          return Watchable{exec_process(session->config, request), {}};
        },
        [session = session_, id, exec_id](Napi::Env env, Watchable& process) {
          return watched(env, session, id, exec_id, process);
        });
  }

  Napi::Value start(const Napi::CallbackInfo& info) {
    return promise_of(
        info.Env(),
        [session = session_, id = id_argument(info)] { return start_container(session->config, id); },
        [](Napi::Env env, const StartedProcess& started) { return to_js(env, started); });
  }

  Napi::Value kill(const Napi::CallbackInfo& info) {
    const int number = static_cast<int>(integer_argument(info, 2, "signal", 0, SIGRTMAX));
    const bool all = boolean_argument(info, 3, "all");
    const auto work = [session = session_, id = id_argument(info), exec_id = exec_argument(info), number, all] {
      kill_process(session->config, id, exec_id, number, all);
    };
    return all ? promise_of(info.Env(), work) : at_once(info.Env(), work);
  }

  Napi::Value remove(const Napi::CallbackInfo& info) {
    const bool force = boolean_field(object_argument(info, 1, "options"), "force");
    return promise_of(
        info.Env(),
        [session = session_, id = id_argument(info), force] {
          return delete_container(session->config, id, force);
        },
        [session = session_, id = id_argument(info)](Napi::Env env, const Warnings& warnings) {
          session->watcher->forget(id);
          return to_js(env, warnings);
        });
  }

  Napi::Value remove_exec(const Napi::CallbackInfo& info) {
    // a record and its directory, small files in the state root: two changes of threads would cost more
    return at_once(info.Env(), [this, id = id_argument(info), exec_id = exec_argument(info)] {
      delete_exec(session_->config, id, exec_id);
    });
  }

  Napi::Value state(const Napi::CallbackInfo& info) {
    return promise_of(
        info.Env(),
        [session = session_, id = id_argument(info)] { return container_state(session->config, id); },
        [](Napi::Env env, const ContainerState& state) { return to_js(env, state); });
  }

  Napi::Value pids(const Napi::CallbackInfo& info) {
    return promise_of(
        info.Env(),
        [session = session_, id = id_argument(info)] { return container_pids(session->config, id); },
        [](Napi::Env env, const std::vector<pid_t>& pids) { return to_js(env, pids); });
  }

  Napi::Value pause(const Napi::CallbackInfo& info) {
    return promise_of(info.Env(),
                      [session = session_, id = id_argument(info)] { pause_container(session->config, id); });
  }

  Napi::Value prepare_monitor(const Napi::CallbackInfo& info) {
    return promise_of(info.Env(), [session = session_] { keep_spare_monitor(session->config.tsrunc); });
  }

  Napi::Value resume(const Napi::CallbackInfo& info) {
    return promise_of(info.Env(),
                      [session = session_, id = id_argument(info)] { resume_container(session->config, id); });
  }

  Napi::Value update(const Napi::CallbackInfo& info) {
    return promise_of(info.Env(), [session = session_, id = id_argument(info),
                                   resources = string_argument(info, 1, "resources")] {
      update_container(session->config, id, resources);
    });
  }

  Napi::Value stats(const Napi::CallbackInfo& info) {
    return promise_of(
        info.Env(),
        [session = session_, id = id_argument(info)] { return container_stats(session->config, id); },
        [](Napi::Env env, const ContainerStats& stats) { return to_js(env, stats); });
  }

  Napi::Value resize_pty(const Napi::CallbackInfo& info) {
    const int columns = static_cast<int>(integer_argument(info, 2, "columns", 0, USHRT_MAX));
    const int rows = static_cast<int>(integer_argument(info, 3, "rows", 0, USHRT_MAX));
    return at_once(info.Env(), [this, id = id_argument(info), exec_id = exec_argument(info), columns, rows] {
      tsc::resize_pty(session_->config, id, exec_id, columns, rows);
    });
  }

  Napi::Value close_stdin(const Napi::CallbackInfo& info) {
    return at_once(info.Env(), [this, id = id_argument(info), exec_id = exec_argument(info)] {
      tsc::close_stdin(session_->config, id, exec_id);
    });
  }

  Napi::Value adopt(const Napi::CallbackInfo& info) {
    struct Adopted {
      std::vector<AdoptedProcess> processes;
      UniqueFd oom_events;
    };
    const std::string id = id_argument(info);
    return promise_of(
        info.Env(),
        [session = session_, id] {
          Adopted adopted{adopt_container(session->config, id), {}};
          adopted.oom_events = open_oom_events(session->config, id);
          return adopted;
        },
        [session = session_, id](Napi::Env env, Adopted& adopted) {
          Napi::Array array = Napi::Array::New(env, adopted.processes.size());
          session->watcher->watch_oom(id, std::move(adopted.oom_events));
          for (uint32_t i = 0; i < adopted.processes.size(); ++i) {
            AdoptedProcess& process = adopted.processes[i];
            array.Set(i, to_js(env, process));
            session->watcher->watch_exit(id, process.exec_id, std::move(process.exit_fd));
          }
          return array;
        });
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    session_->close();
    return info.Env().Undefined();
  }

  static std::string id_argument(const Napi::CallbackInfo& info) { return string_argument(info, 0, "id"); }
  static std::string exec_argument(const Napi::CallbackInfo& info) { return string_argument(info, 1, "execId"); }

  /// For work of a few system calls that never waits: a promise that is settled already.
  template <typename Work>
  static Napi::Promise at_once(Napi::Env env, Work work) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    try {
      work();
      deferred.Resolve(env.Undefined());
    } catch (...) {
      deferred.Reject(to_js_error(env, std::current_exception()).Value());
    }
    return deferred.Promise();
  }

  SharedSession session_;
};

}  // namespace

void export_runtime(Napi::Env env, Napi::Object& exports) { exports.Set("Runtime", RuntimeBinding::define(env)); }

}  // namespace tsc
