export const SERVICES = ["redis", "postgres", "kafka", "gateway", "consumers", "payment-simulator"] as const;
export type ServiceName = (typeof SERVICES)[number];

/** The three that Stampede stands on; the rest is its own program. */
export const BASE_SERVICES = ["redis", "postgres", "kafka"] as const satisfies readonly ServiceName[];
export type BaseService = (typeof BASE_SERVICES)[number];

export const isBaseService = (name: ServiceName): name is BaseService =>
  (BASE_SERVICES as readonly ServiceName[]).includes(name);

/** Who runs a service: an address in the environment, a container, or a process of ours. */
export type Source = "environment" | "docker" | "native";
