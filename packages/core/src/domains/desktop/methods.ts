import { fail, type desktop } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import type { Ocr } from './ocr.ts';

const noBackend = `there is no backend for it on ${process.platform}`;

export function desktopMethods(ocr: Ocr): Handlers<typeof desktop> {
  return {
    'automation.run_applescript': () => unsupported('automation.run_applescript', 'macOS'),
    'automation.run_powershell': () => unsupported('automation.run_powershell', 'Windows'),
    'automation.shortcuts.run': () => unsupported('automation.shortcuts.run', 'macOS'),
    'messages.send': () => ({ available: false, backend: null, reason: `messages: ${noBackend}`, sent: false }),
    'mail.send': () => ({ available: false, backend: null, reason: `mail: ${noBackend}`, message_id: null }),
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
