/** The bytes are no good answer of a remote read; the message says what of it, as a clause: `frame 3 has a wrong checksum`. */
export class MalformedAnswerError extends Error {
  override readonly name = 'MalformedAnswerError';
}
