export {
  openDaemon,
  serve,
  TestDaemon,
  transports,
  type As,
  type ClientConnectOptions,
  type DaemonOptions,
  type Transport,
} from './daemon.ts';
export { DaemonProcess, type DaemonHealth } from './daemon-process.ts';
export { FakeTime, turnOver } from './fake-time.ts';
export { Inbox } from './inbox.ts';
export { installAgent } from './install-agent.ts';
export { clientFrame, RawSocket, type ClientFrameOptions, type RawAddress, type ServerFrame } from './raw-socket.ts';
export { RestartableDaemon } from './restartable-daemon.ts';
export { RecordingLogger, type LogRecord } from './recording-logger.ts';
export { programFolder, TempFolder } from './temp-folder.ts';
export { Wire, type WireMessage, type WireRequest } from './wire.ts';
export { chromiumPath, findChromium, findPython } from './system-programs.ts';
