// What the daemon can do with the desktop it runs on. Scripts, mail and messages need a backend of the platform.
import { z } from 'zod';
import { method } from './declare.ts';

const section = 'OS surface';
const maxScriptChars = 1024 * 1024;
const maxBodyChars = 256 * 1024;
const maxNameChars = 4_096;

const timeoutMs = { timeout_ms: z.number().min(0).nullish() };
const name = () => z.string().max(maxNameChars);
const scriptResult = () => z.object({ stdout: z.string(), stderr: z.string(), exit_code: z.number() });
/** Without a backend the rest is empty. */
const unavailable = { available: z.boolean(), backend: z.string().nullable(), reason: z.string().optional() };

export const desktop = {
  'automation.run_applescript': method({
    summary: 'Run an AppleScript or JavaScript for Automation; macOS only',
    params: () =>
      z.object({
        script: z.string().max(maxScriptChars),
        language: z.enum(['applescript', 'javascript']).nullish(),
        args: z.array(z.string().max(maxNameChars)).max(100).nullish(),
        ...timeoutMs,
      }),
    result: scriptResult,
    access: 'client',
    takesCommand: true,
    approval: true,
    effect: 'write',
    errors: ['failed', 'approval_denied'],
    section,
  }),
  'automation.run_powershell': method({
    summary: 'Run a PowerShell script; Windows only',
    params: () => z.object({ script: z.string().max(maxScriptChars), ...timeoutMs }),
    result: scriptResult,
    access: 'client',
    takesCommand: true,
    approval: true,
    effect: 'write',
    errors: ['failed', 'approval_denied'],
    section,
  }),
  'automation.shortcuts.run': method({
    summary: 'Run a shortcut; macOS only',
    params: () =>
      z.object({
        name_or_id: name(),
        input: z.unknown().optional(),
        output_type: name().nullish(),
        ...timeoutMs,
      }),
    result: scriptResult,
    access: 'client',
    takesCommand: true,
    approval: true,
    effect: 'write',
    errors: ['failed', 'approval_denied'],
    section,
  }),
  'messages.send': method({
    summary: 'Send a message from the account of the desktop; macOS only',
    params: () => z.object({ recipient: name(), body: z.string().max(maxBodyChars), service_id: name().nullish() }),
    result: () => z.object({ ...unavailable, sent: z.boolean() }),
    access: 'session',
    approval: true,
    effect: 'write',
    errors: ['approval_denied'],
    section,
  }),
  'mail.send': method({
    summary: 'Send a mail from the account of the desktop; macOS only',
    params: () =>
      z.object({
        account_id: name().nullish(),
        to: z.union([name(), z.array(name()).max(100)]).nullish(),
        cc: z.union([name(), z.array(name()).max(100)]).nullish(),
        bcc: z.union([name(), z.array(name()).max(100)]).nullish(),
        subject: name().nullish(),
        body: z.string().max(maxBodyChars).nullish(),
      }),
    result: () => z.object({ ...unavailable, message_id: z.string().nullable() }),
    access: 'session',
    approval: true,
    effect: 'write',
    errors: ['approval_denied'],
    section,
  }),
  'vision.ocr': method({
    summary: 'Read the text in an image: a line each, with its place (0 to 1, from the bottom left)',
    params: () =>
      z.object({
        image_path: z.string().min(1).max(maxNameChars),
        /** Rather fast than exact. */
        fast_path: z.boolean().nullish(),
        /** As `en-US` or as `eng`. Default English. */
        languages: z
          .array(
            z
              .string()
              .max(35)
              .regex(/^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*$/, 'not a language, as in "en-US"'),
          )
          .max(8)
          .nullish(),
        /** Whether words of a dictionary are preferred. Default true. */
        language_correction: z.boolean().nullish(),
        /** Lines lower than this part of the image's height are left out. */
        minimum_text_height: z.number().min(0).max(1).nullish(),
      }),
    result: () =>
      z.object({
        available: z.boolean(),
        observations: z.array(
          z.object({
            text: z.string(),
            /** 0 to 1. */
            confidence: z.number(),
            x: z.number(),
            y: z.number(),
            w: z.number(),
            h: z.number(),
          }),
        ),
        /** Ours: why it is not available, and what to install. */
        reason: z.string().optional(),
        error: z.object({ reason: z.literal('backend_missing'), program: z.string(), package: z.string() }).optional(),
      }),
    access: 'client',
    takesCommand: true,
    approval: true,
    effect: 'read',
    errors: ['failed', 'overloaded', 'approval_denied'],
    section,
  }),
};
