import { chat, chatNotification } from '@car-runtime/protocol';
import type { Domain } from '../../kernel/domain.ts';
import { chatMethods } from './methods.ts';
import type { ChatService } from './service.ts';

export { ChatService, type ChatGoals, type ChatOptions, type ChatSink } from './service.ts';

/** `agents.chat.*`, and what agents say. */
export function chatDomain(service: ChatService): Domain<typeof chat> {
  return {
    name: 'chat',
    contract: chat,
    methods: chatMethods(service),
    notifications: {
      'agent.chat.event': (params, connection) => {
        const checked = chatNotification().safeParse(params);
        if (checked.success) service.receive(connection, checked.data);
      },
    },
    onClose: { chats: (connection) => service.connectionClosed(connection) },
  };
}
