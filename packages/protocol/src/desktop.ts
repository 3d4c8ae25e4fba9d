// What the daemon can do with the desktop it runs on. Scripts, mail and messages need a backend of the platform.
import { z } from 'zod';
import { method } from './declare.ts';

const section = 'OS surface';
const maxScriptChars = 1024 * 1024;
const maxBodyChars = 256 * 1024;
const maxNameChars = 4_096;
const maxNoteChars = 2_000;

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
  'automation.shortcuts.list': method({
    summary: 'Shortcuts of the desktop, each with what makes it a tool; macOS only',
    params: () => z.object({ folder: name().nullish(), with_identifiers: z.boolean().nullish() }),
    result: () =>
      z.array(
        z.object({
          name: z.string(),
          identifier: z.string().nullable(),
          tool_slug: z.string(),
          tool_description: z.string(),
          parameters_schema: z.record(z.string(), z.unknown()),
        }),
      ),
    access: 'client',
    effect: 'read',
    errors: ['failed'],
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
  'messages.services': method({
    summary: 'Services the desktop sends messages with; macOS only',
    params: () => z.object({}),
    result: () => z.object({ ...unavailable, services: z.array(z.unknown()) }),
    access: 'client',
    effect: 'read',
    section,
  }),
  'messages.chats': method({
    summary: 'The newest conversations of the desktop; macOS only',
    params: () => z.object({ limit: z.int().min(0).nullish() }),
    result: () => z.object({ ...unavailable, chats: z.array(z.unknown()) }),
    access: 'client',
    effect: 'read',
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
  'mail.accounts': method({
    summary: 'Mail accounts of the desktop; macOS only',
    params: () => z.object({}),
    result: () => z.object({ ...unavailable, accounts: z.array(z.unknown()) }),
    access: 'client',
    effect: 'read',
    section,
  }),
  'mail.inbox': method({
    summary: 'What is in the inboxes of the desktop; macOS only',
    params: () => z.object({ account_ids: z.array(name()).max(100).nullish() }),
    /** `messages` as it was first, `summaries` as it is called since. */
    result: () => z.object({ ...unavailable, messages: z.array(z.unknown()), summaries: z.array(z.unknown()) }),
    access: 'client',
    effect: 'read',
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
  'notifications.local': method({
    summary: 'Show a notification on the desktop the daemon runs on',
    params: () =>
      z.object({
        title: z.string().min(1).max(maxNoteChars),
        body: z.string().max(maxNoteChars),
        subtitle: z.string().max(maxNoteChars).nullish(),
        /** Whether it is heard, or the name of what is heard. */
        sound: z.union([z.boolean(), z.string().max(100)]).nullish(),
      }),
    result: () =>
      z.object({
        /** Whether the desktop took it; nobody says whether it was seen. */
        delivered: z.boolean(),
        platform: z.string(),
        backend: z.string().nullable(),
        /** Ours: why it was not delivered. */
        reason: z.string().optional(),
      }),
    access: 'session',
    effect: 'write',
    errors: ['overloaded'],
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
