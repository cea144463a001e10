import type { Code, DetailsOf, Failure, FieldError } from "./types.js";

/** A failure that the shop answered with. A refusal has changed nothing, but for the order that a 402 keeps. */
export class Refusal<C extends Code = Code> extends Error {
  override readonly name = "Refusal";
  readonly code: C;
  readonly details: DetailsOf<C>;
  /** Every wrong field of an `INVALID_REQUEST`. */
  readonly fieldErrors: readonly FieldError[];
  readonly requestId: string;

  /** @param attempts The attempts of the request, this answer's included. */
  constructor(readonly status: number, failure: Failure, readonly attempts: number) {
    super(`${failure.code}: ${failure.message}`);
    this.code = failure.code as C;
    this.details = ("details" in failure ? failure.details : undefined) as DetailsOf<C>;
    this.fieldErrors = ("fieldErrors" in failure && failure.fieldErrors) || [];
    this.requestId = failure.requestId;
  }

  /** Narrows the type of `details` to those of a code. */
  is<Other extends Code>(code: Other): this is Refusal<Other> {
    return (this.code as string) === code;
  }
}

/** Whether an error is a refusal, of a code if one is named. */
export function isRefusal<C extends Code = Code>(error: unknown, code?: C): error is Refusal<C> {
  return error instanceof Refusal && (code === undefined || error.code === code);
}

/** No usable answer came: the network failed, time ran out, or a gateway answered. The effect is unknown. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";

  constructor(message: string, readonly status?: number, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Whether a body is a failure of the shop. API Gateway's own answers have no code. */
export function isFailure(body: unknown): body is Failure {
  return typeof body === "object" && body !== null && typeof (body as { code?: unknown }).code === "string";
}
