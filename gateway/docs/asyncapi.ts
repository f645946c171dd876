import type { TSchema } from "@sinclair/typebox";
import { EVENTS } from "../../contracts/claims/events.ts";
import { carriedBy } from "../../contracts/event-topics.ts";
import { TOPICS, type Topic } from "../../contracts/topics.ts";
import { CLOSE, ClientMessages, ServerMessages } from "../../contracts/wire/socket-messages.ts";
import { version } from "../../package.json";

const plain = (schema: TSchema): unknown => JSON.parse(JSON.stringify(schema));

function messages(of: Readonly<Record<string, TSchema>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(of).map(([name, schema]) => [name, { name, payload: plain(schema) }]));
}

/** The AsyncAPI 3.0 document of the socket and, if asked for, of the topics between the processes, from the schemas in contracts/. */
export function asyncApi(withTopics: boolean): object {
  const channels: Record<string, unknown> = {
    socket: {
      address: "/ws",
      description: `Close codes: ${Object.entries(CLOSE)
        .map(([name, code]) => `${code} ${name}`)
        .join(", ")}`,
      messages: { ...messages(ClientMessages), ...messages(ServerMessages) },
    },
  };
  const operations: Record<string, unknown> = {
    toGateway: {
      action: "receive",
      channel: { $ref: "#/channels/socket" },
      messages: Object.keys(ClientMessages).map((name) => ({ $ref: `#/channels/socket/messages/${name}` })),
    },
    toClient: {
      action: "send",
      channel: { $ref: "#/channels/socket" },
      messages: Object.keys(ServerMessages).map((name) => ({ $ref: `#/channels/socket/messages/${name}` })),
    },
  };
  for (const [topic, { partitions, key, retentionDays }] of withTopics ? Object.entries(TOPICS) : []) {
    const carried = carriedBy(topic as Topic);
    if (carried.length === 0) continue;
    channels[topic] = {
      address: topic,
      description: `${partitions} partitions, key ${key ?? "none"}, kept ${retentionDays} days`,
      messages: messages(Object.fromEntries(carried.map((name) => [name, EVENTS[name]]))),
    };
  }
  return {
    asyncapi: "3.0.0",
    info: { title: "Stampede", version, license: { name: "Apache-2.0" } },
    channels,
    operations,
  };
}
