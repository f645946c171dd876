import { expect, test } from "bun:test";
import { sharedAnswer, sharedBody } from "./shared-body.ts";

const body = sharedBody({ a: 1 });

test("other bytes have another validator, the same bytes the same", () => {
  expect(sharedBody({ a: 1 })).toEqual(body);
  expect(sharedBody({ a: 2 }).etag).not.toBe(body.etag);
  expect(body.etag).toMatch(/^"[\w-]{22}"$/);
});

test("a client that has the body gets 304 without it, however it names it", () => {
  for (const known of [body.etag, `W/${body.etag}`, `"x", ${body.etag}`, "*", ` ${body.etag} ,"y"`]) {
    const answer = sharedAnswer(body, 1, known);
    expect({ known, ...answer }).toEqual({
      known,
      status: 304,
      headers: { "cache-control": "public, max-age=1", etag: body.etag },
    });
  }
});

test("a client that has another body gets this one", () => {
  for (const other of [undefined, "", '"x"', body.etag.slice(1, -1), `${body.etag}x`]) {
    expect(sharedAnswer(body, 1, other)).toMatchObject({ status: 200, body: '{"a":1}' });
  }
});
