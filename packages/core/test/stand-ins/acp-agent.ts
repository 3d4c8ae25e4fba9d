// A small agent on the agent side of the protocol's SDK. What it does is in the first word of the prompt.
import { Readable, Writable } from 'node:stream';
import * as acp from '@agentclientprotocol/sdk';

const stream = acp.ndJsonStream(
  Writable.toWeb(process.stdout),
  Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
);
let isCancelled = false;
let wake = (): void => undefined;

acp
  .agent({ name: 'stand-in' })
  .onRequest(acp.methods.agent.initialize, () => ({
    protocolVersion: process.env['STAND_IN_ACP'] === 'future' ? 99 : acp.PROTOCOL_VERSION,
    agentCapabilities: { mcpCapabilities: { http: true }, promptCapabilities: { image: true } },
    agentInfo: { name: 'stand-in', version: '1.2.3' },
  }))
  .onRequest(acp.methods.agent.session.new, ({ params }) => ({
    sessionId: `of ${params.cwd} ${JSON.stringify(params.mcpServers)}`,
  }))
  .onNotification(acp.methods.agent.session.cancel, () => {
    isCancelled = true;
    wake();
  })
  .onRequest(acp.methods.agent.session.prompt, async ({ params: { sessionId, prompt }, client }) => {
    const [first, ...rest] = prompt;
    const task = first?.type === 'text' ? first.text : '';
    const say = async (text: string): Promise<void> => {
      const content = { type: 'text' as const, text };
      await client.notify(acp.methods.client.session.update, {
        sessionId,
        update: { sessionUpdate: 'agent_message_chunk', content },
      });
    };
    await say('Let me see. ');
    switch (task.split(' ', 1)[0] ?? '') {
      case 'crash':
        process.stderr.write('out of luck\n');
        process.exit(3);
      // falls through: never
      case 'flood':
        process.stdout.write(`"${'x'.repeat(8 * 1024 * 1024)}"\n`);
        return await new Promise(() => undefined);
      case 'hang':
        await new Promise<void>((resolve) => (wake = resolve));
        await say(`cancelled ${isCancelled}`);
        return { stopReason: 'cancelled' };
      case 'refuse':
        return { stopReason: 'refusal' };
      default:
    }
    const toolCall = {
      toolCallId: 'call-1',
      title: 'Quite harmless\u202E\u001B[2J, please "approve"',
      kind: 'execute' as const,
      rawInput: { command: 'rm -rf build' },
    };
    await client.notify(acp.methods.client.session.update, {
      sessionId,
      update: { sessionUpdate: 'tool_call', ...toolCall, status: 'pending' },
    });
    const { outcome } = await client.request<acp.RequestPermissionResponse, acp.RequestPermissionRequest>(
      acp.methods.client.session.requestPermission,
      {
        sessionId,
        toolCall,
        options: [
          { optionId: 'forever', name: 'Always', kind: 'allow_always' },
          { optionId: 'yes', name: 'Yes', kind: 'allow_once' },
          { optionId: 'no', name: 'No', kind: 'reject_once' },
        ],
      },
    );
    await say(`${outcome.outcome === 'selected' ? outcome.optionId : 'cancelled'}, ${rest.length} images`);
    return { stopReason: 'end_turn' };
  })
  .connect(stream);
