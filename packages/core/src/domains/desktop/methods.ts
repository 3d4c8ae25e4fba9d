import { fail, type desktop } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import type { Notifier } from './notifier.ts';
import type { Ocr } from './ocr.ts';

const without = (what: string) => ({
  available: false,
  backend: null,
  reason: `${what}: there is no backend for it on ${process.platform}`,
});

export function desktopMethods({ ocr, notifier }: { ocr: Ocr; notifier: Notifier }): Handlers<typeof desktop> {
  return {
    'automation.run_applescript': () => unsupported('automation.run_applescript', 'macOS'),
    'automation.run_powershell': () => unsupported('automation.run_powershell', 'Windows'),
    'automation.shortcuts.run': () => unsupported('automation.shortcuts.run', 'macOS'),
    'automation.shortcuts.list': () => unsupported('automation.shortcuts.list', 'macOS'),
    'messages.services': () => ({ ...without('messages'), services: [] }),
    'messages.chats': () => ({ ...without('messages'), chats: [] }),
    'messages.send': () => ({ ...without('messages'), sent: false }),
    'mail.accounts': () => ({ ...without('mail'), accounts: [] }),
    'mail.inbox': () => ({ ...without('mail'), messages: [], summaries: [] }),
    'mail.send': () => ({ ...without('mail'), message_id: null }),
    'notifications.local': ({ title, body, subtitle, sound }, { connection, signal }) =>
      notifier.show(
        { title, body, subtitle: subtitle ?? undefined, sound: sound ?? false, agentId: connection.agentId },
        signal,
      ),
    'vision.ocr': async (params, { signal }) => {
      const answer = await ocr.read(
        params,
        {
          path: params.image_path,
          languages: params.languages ?? [],
          isFast: params.fast_path ?? false,
          usesDictionary: params.language_correction ?? true,
          minHeight: params.minimum_text_height ?? 0,
        },
        signal,
      );
      if ('lines' in answer) return { available: true, observations: answer.lines };
      const { missingPackage } = answer;
      return {
        available: false,
        observations: [],
        reason: `tesseract is not installed (Debian: apt-get install ${missingPackage})`,
        error: { reason: 'backend_missing' as const, program: 'tesseract', package: missingPackage },
      };
    },
  };
}

function unsupported(method: string, platform: string): never {
  throw fail(
    'failed',
    `PlatformUnsupported: cannot call ${method} on ${process.platform}: it needs a backend for ${platform}`,
    {
      data: { reason: 'platform_unsupported', platform: process.platform },
    },
  );
}
