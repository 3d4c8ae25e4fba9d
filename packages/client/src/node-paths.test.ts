import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  authTokenPath,
  daemonLogPath,
  hostTokenPath,
  RelativeStateRootError,
  resolveStatePath,
  secondarySocketPath,
  socketPath,
  stateRoot,
  tokenFolder,
  type PathInput,
} from './node-paths.ts';

const home = '/home/ada';
const linux = (env: Record<string, string>): PathInput => ({ env, platform: 'linux', home });

// req: client.state-root
test('the state root is CAR_HOME, else ~/.car', () => {
  assert.equal(stateRoot(linux({})), '/home/ada/.car');
  assert.equal(stateRoot(linux({ CAR_HOME: '' })), '/home/ada/.car');
  assert.equal(stateRoot(linux({ CAR_HOME: '/srv/car/' })), '/srv/car');
  assert.equal(daemonLogPath(linux({ CAR_HOME: '/srv/car' })), '/srv/car/logs/car-server.log');
});

// req: client.state-root
test('a relative CAR_HOME is refused with its value, whatever is asked for', () => {
  for (const value of ['car', './car', '~/.car', '..', ' /srv/car', ' ']) {
    for (const ask of [stateRoot, socketPath, tokenFolder, authTokenPath, daemonLogPath]) {
      assert.throws(
        () => ask(linux({ CAR_HOME: value })),
        (error) =>
          error instanceof RelativeStateRootError &&
          error.value === value &&
          error.message.includes(JSON.stringify(value)),
      );
    }
  }
});

// req: client.socket-path
test('the socket is where the first rule that applies says', () => {
  const table: [Record<string, string>, string][] = [
    [{ CAR_SERVER_SOCKET: '/tmp/s.sock', CAR_HOME: '/srv/car', XDG_RUNTIME_DIR: '/run/user/7' }, '/tmp/s.sock'],
    [{ CAR_HOME: '/srv/car', XDG_RUNTIME_DIR: '/run/user/7' }, '/srv/car/run/car-server.sock'],
    [{ XDG_RUNTIME_DIR: '/run/user/7' }, '/run/user/7/ai.parslee.car/car-server.sock'],
    [{ XDG_RUNTIME_DIR: 'run' }, '/home/ada/.car/run/car-server.sock'],
    [{ CAR_SERVER_SOCKET: ' ', XDG_RUNTIME_DIR: '' }, '/home/ada/.car/run/car-server.sock'],
    [{}, '/home/ada/.car/run/car-server.sock'],
  ];
  for (const [env, expected] of table) assert.equal(socketPath(linux(env)), expected);
  assert.equal(secondarySocketPath('/srv/car/run/car-server.sock', 9200), '/srv/car/run/car-server-9200.sock');
});

// req: client.token-folder
test('the token files are in the folder of their platform, or below CAR_HOME', () => {
  assert.equal(tokenFolder(linux({ CAR_HOME: '/srv/car', XDG_RUNTIME_DIR: '/run/user/7' })), '/srv/car/ai.parslee.car');
  assert.equal(tokenFolder(linux({ XDG_RUNTIME_DIR: '/run/user/7' })), '/run/user/7/ai.parslee.car');
  assert.equal(tokenFolder(linux({})), '/home/ada/.config/ai.parslee.car');
  assert.equal(
    tokenFolder({ env: {}, platform: 'darwin', home }),
    '/home/ada/Library/Application Support/ai.parslee.car',
  );
  assert.equal(tokenFolder({ env: { LOCALAPPDATA: '/local' }, platform: 'win32', home }), '/local/ai.parslee.car');
  assert.equal(authTokenPath(linux({ CAR_HOME: '/srv/car' })), '/srv/car/ai.parslee.car/auth-token');
  assert.equal(hostTokenPath(linux({ CAR_HOME: '/srv/car' })), '/srv/car/ai.parslee.car/host-token');
});

// req: client.state-root
test('~/.car/ at the start of an argument means the state root', () => {
  assert.equal(resolveStatePath('~/.car/journals', linux({ CAR_HOME: '/srv/car' })), '/srv/car/journals');
  assert.equal(resolveStatePath('/etc/~/.car/x', linux({})), '/etc/~/.car/x');
});
