import { RecommendationInputError } from '../recommendation/recommendation-input-error.js';

/** A file cannot be read, or its text is not JSON. */
export class FileError extends Error {
  constructor(fault: string) {
    super(fault);
    this.name = 'FileError';
  }
}

/** Kruize's error envelope: a bad file is 400 like a bad request, anything else is a fault of ours (spec: recommendations.md 10.5). */
export function describeFailure(file: string, error: unknown): object {
  const isInput = error instanceof FileError || error instanceof RecommendationInputError;
  const message = error instanceof Error ? error.message : String(error);
  return { message: `${file}: ${message}`, httpcode: isInput ? 400 : 500, documentationLink: '', status: 'ERROR' };
}
