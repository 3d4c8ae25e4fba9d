import assert from 'node:assert/strict';
import { test } from 'node:test';
import { basicEnvironment, belongsToDaemon, inherited } from './child-environment.ts';

// req: security.child-environment
test('a child gets what programs need to run, and nothing else of what the daemon was started with', () => {
  const own = {
    PATH: '/bin',
    Path: 'C:',
    LC_ALL: 'C',
    HOME: '/h',
    CAR_AUTH_TOKEN: 'x',
    AWS_SECRET: 'y',
    EMPTY: undefined,
  };
  assert.deepEqual(basicEnvironment(own), { PATH: '/bin', Path: 'C:', LC_ALL: 'C', HOME: '/h' });
});

// req: security.child-environment
test('what belongs to the daemon is passed on to nobody, however it is asked for', () => {
  const own = {
    CAR_AUTH_TOKEN: '1',
    CAR_AUTH_TOKEN_FILE: '2',
    CAR_HOST_TOKEN: '3',
    car_host_token: '4',
    CAR_AGENT_TOKEN: '5',
    OTEL_EXPORTER_OTLP_HEADERS: '6',
    NODE_CHANNEL_FD: '7',
    CAR_HOME: '/state',
  };
  assert.deepEqual(
    inherited(own, () => true),
    { CAR_HOME: '/state' },
  );
  assert.equal(belongsToDaemon('CAR_SERVER_SOCKET'), false);
});
