/** Types that the generated schema implies. */

import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];

export type { components, paths };

/** Any failure of the shop, told apart by its `code`. */
export type Failure = { [Name in keyof Schemas]: Name extends `${string}Failure` ? Schemas[Name] : never }[keyof Schemas];

/** The codes of failures. */
export type Code = Failure["code"];

/** The failure with a code. */
export type FailureOf<C extends Code> = Extract<Failure, { code: C }>;

/** The details of a code; `undefined` where it has none. */
export type DetailsOf<C extends Code> = FailureOf<C> extends { details?: infer D } ? D : undefined;

export type FieldError = Schemas["FieldError"];

export type Method = "get" | "post" | "put" | "patch" | "delete";

/** The paths that take a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [K in M]: { responses: unknown } } ? P : never;
}[keyof paths];

type Operation<M extends Method, P extends PathOf<M>> = paths[P][M];

type Parameters<O, Place extends string> = O extends { parameters: { [K in Place]?: infer V } } ? V : never;

type Body<O> = O extends { requestBody?: infer B }
  ? NonNullable<B> extends { content: { "application/json": infer J } } ? J : never
  : never;

type IsOptional<O> = O extends { requestBody: { content: unknown } } ? false : true;

type Field<Name extends string, V> = [V] extends [never] | [undefined]
  ? unknown
  : Record<never, never> extends V ? { [K in Name]?: V } : { [K in Name]: V };

/** The parts of a request: path parameters, query and body, each required where the shop requires it. */
export type RequestOf<M extends Method, P extends PathOf<M>> = Field<"path", Parameters<Operation<M, P>, "path">> &
  Field<"query", Exclude<Parameters<Operation<M, P>, "query">, undefined>> &
  ([Body<Operation<M, P>>] extends [never]
    ? unknown
    : IsOptional<Operation<M, P>> extends true ? { body?: Body<Operation<M, P>> } : { body: Body<Operation<M, P>> });

type Json<R> = R extends { content: { "application/json": infer J } } ? J : undefined;

type Succeeded<O> = O extends { responses: infer R }
  ? { [S in keyof R]: S extends 200 | 201 | 202 | 204 ? Json<R[S]> : never }[keyof R]
  : never;

/** The data of a success, out of its envelope. */
export type DataOf<M extends Method, P extends PathOf<M>> = Unwrapped<Succeeded<Operation<M, P>>>;

type Unwrapped<E> = E extends { data: infer D } ? D : E;
