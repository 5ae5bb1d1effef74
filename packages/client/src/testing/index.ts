// What tests get: an engine of their own.
export { embeddedImage, type StartEngineOptions, StartedEngine, startEngine } from './start-engine.ts';
