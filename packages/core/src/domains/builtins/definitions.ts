// The built-in tools as a model is told about them.
import type { JsonObject, ToolSchema } from '@car-runtime/engine';
import { maxExpressionChars } from './calculate/calculate.ts';
import {
  maxContextLines,
  maxFound,
  maxGlobChars,
  maxListed,
  maxMatches,
  maxPatternChars,
  maxReadLines,
} from './files/limits.ts';

/** The tools that work on files: what a bound substrate takes over. */
export const fileTools = ['read_file', 'list_dir', 'find_files', 'grep_files', 'write_file', 'edit_file'] as const;
export type FileTool = (typeof fileTools)[number];

const path = (description: string): JsonObject => ({ type: 'string', minLength: 1, description });
const integer = (minimum: number, maximum: number, description: string): JsonObject => ({
  type: 'integer',
  minimum,
  maximum,
  description,
});
const file = path('File, relative to the root folder, such as "src/index.ts"');
const searchedFolder = path('Folder to search, relative to the root folder. Default: the root folder');
const exclude: JsonObject = {
  type: 'array',
  items: { type: 'string' },
  maxItems: 100,
  description: 'Names of files and folders to leave out, at any depth. Default: [".git"]',
};

function builtin(name: string, description: string, properties: JsonObject, required: readonly string[]): ToolSchema {
  const parameters = { type: 'object', properties, required };
  // The same file may read differently a moment later; only arithmetic stays what it is.
  return { name, description, parameters, idempotent: name === 'calculate', source: 'builtin' };
}

export const builtinTools: readonly ToolSchema[] = [
  builtin(
    'read_file',
    `Read a text file. Answers "content": lines with their numbers before a tab, at most ${maxReadLines} at a time, and "next_offset" when there are more. Read a file before you edit or overwrite it.`,
    {
      path: file,
      offset: integer(1, Number.MAX_SAFE_INTEGER, 'First line to read. Default: 1'),
      limit: integer(1, maxReadLines, `Most lines to read. Default: ${maxReadLines}`),
    },
    ['path'],
  ),
  builtin(
    'list_dir',
    'List one folder, sorted by name. Each entry has a "name", a "type" (file, directory, link, other) and, for files, a "size" in bytes. "next_offset" says that there are more.',
    {
      path: path('Folder, relative to the root folder. Default: the root folder'),
      offset: integer(0, Number.MAX_SAFE_INTEGER, 'Entries to leave out at the beginning. Default: 0'),
      limit: integer(1, maxListed, 'Most entries to list. Default: 500'),
    },
    [],
  ),
  builtin(
    'find_files',
    'Find files by a glob pattern, at any depth. Answers "files", sorted; "truncated" says that there are more. Links are not followed.',
    {
      pattern: {
        type: 'string',
        minLength: 1,
        maxLength: maxGlobChars,
        description:
          'A pattern without a slash is about the name at any depth: "*.ts". With a slash it is about the path from the searched folder on: "src/**/*.test.ts". Knows * ? ** [a-z] [!a-z] {a,b}',
      },
      path: searchedFolder,
      exclude,
      limit: integer(1, maxFound, 'Most files to answer. Default: 200'),
    },
    ['pattern'],
  ),
  builtin(
    'grep_files',
    'Search the lines of text files for a regular expression. Answers "matches" with path, line number and text; "truncated" says that there are more. Binary files and files over 10 MiB are left out.',
    {
      pattern: {
        type: 'string',
        minLength: 1,
        maxLength: maxPatternChars,
        description: 'Regular expression in RE2 syntax: no look-around and no back-references',
      },
      path: path('Folder or file to search, relative to the root folder. Default: the root folder'),
      glob: {
        type: 'string',
        minLength: 1,
        maxLength: maxGlobChars,
        description: 'Only files that match this glob pattern, such as "*.ts" or "src/**/*.ts"',
      },
      ignore_case: { type: 'boolean', description: 'Upper and lower case are the same. Default: false' },
      context: integer(0, maxContextLines, 'Lines to show before and after each match. Default: 0'),
      exclude,
      limit: integer(1, maxMatches, 'Most matches to answer. Default: 100'),
    },
    ['pattern'],
  ),
  builtin(
    'calculate',
    'Calculate an arithmetic expression in double precision. Knows + - * / % ^ (power, from right to left), parentheses, sqrt abs min max round floor ceil log exp sin cos tan pow, pi and e. Angles are in radians; log(x) is natural, log(x, 10) is to a base; round(x, 2) keeps digits; % keeps the sign of its left side.',
    {
      expression: {
        type: 'string',
        minLength: 1,
        maxLength: maxExpressionChars,
        description: 'Such as "(3 + 4) * 2 ^ 10 / sqrt(2)"',
      },
    },
    ['expression'],
  ),
  builtin(
    'write_file',
    'Write a whole text file, and the folders it needs. An existing file is overwritten only when you have read its current content with read_file. To change a part of a file, use edit_file.',
    { path: file, content: { type: 'string', description: 'The whole new content' } },
    ['path', 'content'],
  ),
  builtin(
    'edit_file',
    'Replace text in a file that you have read with read_file. "old_string" must be in the file exactly once, letter for letter, without the line numbers; add lines around it until it is unique, or set "replace_all".',
    {
      path: file,
      old_string: { type: 'string', minLength: 1, description: 'The text to replace' },
      new_string: { type: 'string', description: 'The text to put in its place' },
      replace_all: { type: 'boolean', description: 'Replace every occurrence. Default: false' },
    },
    ['path', 'old_string', 'new_string'],
  ),
];
