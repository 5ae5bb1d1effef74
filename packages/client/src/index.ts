// What the package offers: `connect` and the types of what it gives.
export { Container, type PathStat } from './container.ts';
export type { WaitCondition } from './container-life.ts';
export { Containers, type CreateOptions, type RunOptions } from './containers.ts';
export type * from './contracts/engine-api.ts';
export { type ConnectOptions, connect, Engine } from './engine.ts';
export type { AnswerOf, BodyOf, EngineCalls, OperationId, QueryOf } from './engine-calls.ts';
export { EngineStream } from './engine-stream.ts';
export { ConnectionError, EngineError, isNotFound, ProtocolError } from './errors.ts';
export { Exec, ExecSession } from './exec-session.ts';
export { type BuildOptions, Images, type RegistryCredentials, type TransferOptions } from './images.ts';
export type { LogLine, OutputName } from './log-lines.ts';
export type { Networks } from './networks.ts';
export { type ProcessOutput, ProcessSession } from './process-session.ts';
export type { Progress } from './progress.ts';
export { RunningContainer } from './running-container.ts';
export type { System } from './system.ts';
export type { Volumes } from './volumes.ts';
