/** What the core needs of a logger; pino fits, and so does anything with these four. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = (): void => undefined;

/** For embedders that bring none. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
