import type { Logger } from '@car-runtime/core';

export interface LogRecord {
  readonly level: keyof Logger;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Keeps what is logged. */
export class RecordingLogger implements Logger {
  readonly records: LogRecord[] = [];

  readonly debug = this.#at('debug');
  readonly info = this.#at('info');
  readonly warn = this.#at('warn');
  readonly error = this.#at('error');

  /** Removes and answers what was logged as an error. A daemon whose errors nobody took fails its test. */
  takeErrors(): LogRecord[] {
    const errors = this.records.filter(({ level }) => level === 'error');
    const others = this.records.filter(({ level }) => level !== 'error');
    this.records.splice(0, this.records.length, ...others);
    return errors;
  }

  #at(level: keyof Logger): (fields: object, message: string) => void {
    return (fields, message) => void this.records.push({ level, fields: { ...fields }, message });
  }
}
