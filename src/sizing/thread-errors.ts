import { DatasourceError, type DatasourceFailure } from '../datasource/datasource-error.js';
import { MetadataProfileError } from '../profiles/metadata-profile.js';
import { MetricProfileError } from '../profiles/metric-profile.js';

/** A measuring thread ended while it worked on a task. */
export class ThreadDied extends Error {
  constructor(cause: unknown) {
    super(`A measuring thread ended: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'ThreadDied';
  }
}

/** There are no measuring threads: the process shuts down, or does not measure. */
export class ThreadsClosed extends Error {
  constructor() {
    super('There are no measuring threads.');
    this.name = 'ThreadsClosed';
  }
}

/** A profile cannot do what the job asks for; its message says what is wrong. */
export class ProfileFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProfileFailure';
  }
}

/** A failed task as it goes from thread to thread, where an error would lose its class. */
export interface FailedTask {
  readonly kind: 'datasource' | 'profile' | 'ours';
  readonly message: string;
  readonly failure?: DatasourceFailure;
  readonly stack?: string;
}

/** What a thread answers. */
export type Answered<T> = { readonly value: T } | { readonly failed: FailedTask };

export function packError(reason: unknown): FailedTask {
  if (reason instanceof DatasourceError) return { kind: 'datasource', message: reason.message, failure: reason.failure };
  if (reason instanceof MetadataProfileError || reason instanceof MetricProfileError) return { kind: 'profile', message: reason.message };
  const { message, stack } = reason instanceof Error ? reason : new Error(String(reason));
  return { kind: 'ours', message, stack };
}

export function unpackError({ kind, message, failure, stack }: FailedTask): Error {
  if (kind === 'datasource') return new DatasourceError(failure!, message);
  if (kind === 'profile') return new ProfileFailure(message);
  return Object.assign(new Error(message), { stack });
}
