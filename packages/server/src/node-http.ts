// An ES import of `node:http` reads all its exports, and one of them loads a whole HTTP client (undici): a fifth of the
// daemon's start for something it never uses.
export const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http');
